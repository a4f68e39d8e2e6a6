//! Collaborative training and prediction
