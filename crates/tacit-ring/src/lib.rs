//! Residue-number-system polynomials, number-theoretic transforms and exact samplers
