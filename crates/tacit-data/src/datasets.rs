//! The small public data sets that ship with Tacit; see `data/README.md` for origin and licence.

use crate::cohort::{Cohort, CohortSpec, LabelEncoding, Level, MissingPolicy};
use crate::error::DataError;

const BREAST_CANCER: &[u8] = include_bytes!("../../../data/breast-cancer-wisconsin.csv");
const PIMA: &[u8] = include_bytes!("../../../data/pima-diabetes.csv");

/// How [`breast_cancer`] selects from its file.
pub fn breast_cancer_spec() -> CohortSpec {
    let encoding = LabelEncoding::Binary {
        positive: Level::from("malignant"),
        negative: Some(Level::from("benign")),
    };
    CohortSpec {
        key: Some("id".into()),
        missing: MissingPolicy::DropRow,
        ..CohortSpec::new("breast-cancer-wisconsin.csv", "class", encoding)
    }
}

/// How Default of Credit Card Clients (I-C. Yeh and C-h. Lien 2009, UCI, CC BY 4.0) is selected from `path`: a CSV file,
/// gzipped or not, with the columns of the original but `EDUCATION` and `MARRIAGE` one-hot. It does not ship with
/// Tacit: <https://archive.ics.uci.edu/dataset/350/default+of+credit+card+clients>.
pub fn credit_default_spec(path: impl Into<std::path::PathBuf>) -> CohortSpec {
    let encoding = LabelEncoding::Binary {
        positive: Level::from("1"),
        negative: Some(Level::from("0")),
    };
    CohortSpec {
        key: Some("ID".into()),
        ..CohortSpec::new(path, "default-payment-next-month", encoding)
    }
}

/// Breast Cancer Wisconsin (original), W. H. Wolberg, UCI, CC BY 4.0: nine graded properties of
/// cell nuclei, benign (0) or malignant (1). The 16 rows with a missing value are left out; rows
/// are keyed by sample number.
///
/// ```
/// let cohort = tacit_data::datasets::breast_cancer()?;
/// assert_eq!((cohort.table.rows(), cohort.table.columns()), (683, 9));
/// # Ok::<(), tacit_data::DataError>(())
/// ```
pub fn breast_cancer() -> Result<Cohort, DataError> {
    Cohort::from_csv(
        "breast-cancer-wisconsin.csv",
        BREAST_CANCER,
        &breast_cancer_spec(),
    )
}

/// How [`pima`] selects from its file.
pub fn pima_spec() -> CohortSpec {
    let encoding = LabelEncoding::Binary {
        positive: Level::from("pos"),
        negative: Some(Level::from("neg")),
    };
    // Round values from ordinary practice, deliberately not computed from the data.
    let reference = [
        ("glucose", 120.0),
        ("pressure", 70.0),
        ("triceps", 30.0),
        ("insulin", 125.0),
        ("mass", 32.0),
    ];
    CohortSpec {
        zero_is_missing: reference
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect(),
        missing: MissingPolicy::Impute {
            value: None,
            columns: reference
                .iter()
                .map(|(name, v)| ((*name).to_owned(), *v))
                .collect(),
        },
        ..CohortSpec::new("pima-diabetes.csv", "diabetes", encoding)
    }
}

/// Pima Indians Diabetes, NIDDK through UCI, CC0: eight measurements, diabetes (1) or not (0).
/// Zeros that mean "not measured" are replaced by fixed reference values.
///
/// ```
/// let cohort = tacit_data::datasets::pima()?;
/// assert_eq!((cohort.table.rows(), cohort.table.columns()), (768, 8));
/// # Ok::<(), tacit_data::DataError>(())
/// ```
pub fn pima() -> Result<Cohort, DataError> {
    Cohort::from_csv("pima-diabetes.csv", PIMA, &pima_spec())
}
