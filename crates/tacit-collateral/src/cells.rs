//! Batches with the same number of rows for every pair of labels.
//!
//! Row (c·G + g)·m + i of a batch is the i-th of m rows with public label c and private label g of
//! G. So the labels of a batch are always the same, the base rate of an adversary is exactly 1/G in
//! each batch, and the outputs of the groups can be compared class by class without sorting.

use tacit_nn::Draws;

use crate::CollateralError;
use crate::task::Part;

/// Shape of a batch: classes × groups × rows per cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Number of public labels, C.
    pub classes: usize,
    /// Number of private labels, G.
    pub groups: usize,
    /// Rows of each pair, m.
    pub per_cell: usize,
}

impl Shape {
    /// Rows of a batch.
    pub fn rows(self) -> usize {
        self.classes * self.groups * self.per_cell
    }

    /// The public label of each row.
    pub fn public(self) -> impl Iterator<Item = usize> {
        let per_class = self.groups * self.per_cell;
        (0..self.rows()).map(move |row| row / per_class)
    }

    /// The private label of each row.
    pub fn private(self) -> impl Iterator<Item = usize> {
        (0..self.rows()).map(move |row| row / self.per_cell % self.groups)
    }
}

/// The rows of a part, dealt cell by cell.
#[derive(Debug)]
pub struct Cells {
    shape: Shape,
    cells: Vec<Deck>,
    draws: Draws,
}

#[derive(Debug)]
struct Deck {
    rows: Vec<usize>,
    next: usize,
}

impl Cells {
    /// Sorts the rows of a part into cells; every cell needs a row.
    pub fn new(part: &Part, shape: Shape, draws: Draws) -> Result<Cells, CollateralError> {
        let mut rows = vec![Vec::new(); shape.classes * shape.groups];
        for (row, (&public, &private)) in part.public().iter().zip(part.private()).enumerate() {
            rows[public * shape.groups + private].push(row);
        }
        if let Some(cell) = rows.iter().position(Vec::is_empty) {
            return Err(CollateralError::EmptyCell {
                public: cell / shape.groups,
                private: cell % shape.groups,
            });
        }
        let cells = rows.into_iter().map(|rows| Deck {
            next: rows.len(),
            rows,
        });
        Ok(Cells {
            shape,
            cells: cells.collect(),
            draws,
        })
    }

    /// The rows of the next batch. A cell is shuffled whenever all of its rows were used.
    pub fn next_batch(&mut self) -> Vec<usize> {
        let mut batch = Vec::with_capacity(self.shape.rows());
        for deck in &mut self.cells {
            for _ in 0..self.shape.per_cell {
                if deck.next >= deck.rows.len() {
                    self.draws.shuffle(&mut deck.rows);
                    deck.next = 0;
                }
                batch.push(deck.rows[deck.next]);
                deck.next += 1;
            }
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_nn::Matrix;

    #[test]
    fn a_batch_holds_every_pair_equally_often_and_every_row_in_turn() -> Result<(), CollateralError>
    {
        let public: Vec<usize> = (0..60).map(|i| i % 3).collect();
        let private: Vec<usize> = (0..60).map(|i| i / 3 % 2).collect();
        let pixels = Matrix::new(60, 1, vec![0.0; 60])?;
        let part = Part::new("rows", pixels, public.clone(), private.clone())?;
        let shape = Shape {
            classes: 3,
            groups: 2,
            per_cell: 5,
        };
        let mut cells = Cells::new(&part, shape, Draws::new(1, "test"))?;
        let mut seen = vec![0; 60];
        for _ in 0..2 {
            let batch = cells.next_batch();
            for (row, (c, g)) in batch.iter().zip(shape.public().zip(shape.private())) {
                assert_eq!((public[*row], private[*row]), (c, g));
                seen[*row] += 1;
            }
        }
        assert_eq!(seen, vec![1; 60]);
        Ok(())
    }

    #[test]
    fn a_pair_without_rows_is_named() -> Result<(), CollateralError> {
        let part = Part::new(
            "rows",
            Matrix::new(2, 1, vec![0.0; 2])?,
            vec![0, 1],
            vec![0, 0],
        )?;
        let shape = Shape {
            classes: 2,
            groups: 2,
            per_cell: 1,
        };
        let error = Cells::new(&part, shape, Draws::new(1, "test")).map(|_| ());
        assert!(matches!(
            error,
            Err(CollateralError::EmptyCell {
                public: 0,
                private: 1
            })
        ));
        Ok(())
    }
}
