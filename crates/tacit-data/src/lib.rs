//! Tables to tensors: cohorts, schemas, splits
