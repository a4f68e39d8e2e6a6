//! Tasks: every loader gives the labels it promises, dependence is what was asked for, and the four sets
//! are disjoint and stratified.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tacit_data::characters::{Alphabet, Spec};
use tacit_data::tasks::{
    self, Column, LabelColumn, Labels, PictureTask, Shares, TableTask, TaskData,
};
use tacit_data::{DataError, idx};

fn letters(correlation: f64, count: usize) -> Spec {
    Spec {
        train: count,
        test: 0,
        correlation,
        ..Spec::new(Alphabet::Digits, 3)
    }
}

fn mentions<T: std::fmt::Debug>(result: Result<T, DataError>, words: &[&str]) -> DataError {
    let error = result.expect_err("should be refused");
    let message = error.to_string();
    for word in words {
        assert!(message.contains(word), "{message:?} lacks {word:?}");
    }
    error
}

#[test]
fn dependence_between_character_and_font_is_what_the_dial_says() {
    for dial in [0.0, 0.3, 0.7, 1.0] {
        let task = tasks::characters(&letters(dial, 2000), 8, "character", &["font"]).unwrap();
        let measured = task.public.cramers_v(&task.private[0]).unwrap();
        assert!((measured - dial).abs() < 0.08, "{dial}: {measured}");
        assert_eq!(task.public.decides(&task.private[0]).unwrap(), dial == 1.0);
        let fonts = task.private[0].counts();
        assert!(
            fonts.iter().all(|&n| n > 900),
            "fonts stay balanced: {fonts:?}"
        );
    }
    mentions(
        tasks::characters(&letters(1.5, 10), 8, "character", &["font"]),
        &["correlation", "0 to 1"],
    );
}

#[test]
fn characters_come_at_any_side_and_in_either_direction() {
    let spec = letters(0.0, 40);
    let full = tasks::characters(&spec, 28, "character", &["font"]).unwrap();
    let turned = tasks::characters(&spec, 16, "font", &["character"]).unwrap();
    assert_eq!((full.shape, turned.shape), ([1, 28, 28], [1, 16, 16]));
    assert_eq!(full.public, turned.private[0]);
    let ink = |task: &TaskData| {
        task.rows.iter().map(|&v| f64::from(v)).sum::<f64>() / task.rows.len() as f64
    };
    assert!(
        (ink(&full) / ink(&turned) - 1.0).abs() < 0.05,
        "scaling keeps the grey"
    );
    mentions(
        tasks::characters(&spec, 4, "font", &[]),
        &["side", "8 to 256"],
    );
}

#[test]
fn labels_a_task_does_not_have_are_named_with_those_it_has() {
    let spec = letters(0.0, 20);
    let error = tasks::characters(&spec, 8, "character", &["fount"]);
    mentions(
        error,
        &["fount", "private", "did you mean \"font\"", "character"],
    );
    let error = tasks::characters(&spec, 8, "font", &["font"]);
    assert!(matches!(
        mentions(error, &["twice"]),
        DataError::AttributeTwice { .. }
    ));
}

#[test]
fn mnist_labels_follow_from_the_digit() {
    let folder = tempfile::tempdir().unwrap();
    for (part, count) in [("train", 20usize), ("t10k", 10)] {
        let file = |kind: &str| folder.path().join(format!("{part}-{kind}-ubyte"));
        let digits: Vec<u8> = (0..count).map(|i| (i % 10) as u8).collect();
        let pixels: Vec<u8> = (0..count * 16).map(|p| p as u8).collect();
        idx::write(&file("images-idx3"), [count, 4, 4], &pixels).unwrap();
        idx::write(&file("labels-idx1"), [count], &digits).unwrap();
    }
    let task = tasks::mnist(folder.path(), "parity", &["digit", "at-least-five"]).unwrap();
    assert_eq!((task.len(), task.shape), (30, [1, 4, 4]));
    let five = task.private_named("at-least-five").unwrap();
    for i in 0..task.len() {
        let digit = task.private[0].values[i];
        assert_eq!(
            (task.public.values[i], five.values[i]),
            (digit % 2, usize::from(digit >= 5))
        );
    }
    assert!(task.private[0].decides(&task.public).unwrap());
    assert!(!task.public.decides(five).unwrap());
    mentions(
        tasks::mnist(folder.path(), "parity", &["colour"]),
        &["colour", "digit"],
    );
    mentions(
        tasks::mnist(Path::new("/nowhere"), "parity", &[]),
        &["/nowhere", "exists"],
    );
}

#[test]
fn the_four_sets_are_disjoint_and_stratified() {
    let task = numbered(1000);
    let sets = task.sets(&Shares::default(), 11).unwrap();
    let parts = [&sets.model, &sets.attacker, &sets.validation, &sets.test];
    let rows: Vec<usize> = parts
        .iter()
        .flat_map(|set| set.rows.iter().map(|&v| v as usize))
        .collect();
    assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), 1000);
    for (set, share) in parts.iter().zip([0.4, 0.3, 0.1, 0.2]) {
        assert!((set.len() as f64 - 1000.0 * share).abs() <= 1.0);
        for class in 0..2 {
            for private in 0..5 {
                let count = |t: &TaskData| {
                    (0..t.len())
                        .filter(|&i| {
                            t.public.values[i] == class && t.private[0].values[i] == private
                        })
                        .count() as f64
                };
                assert!((count(set) - share * count(&task)).abs() <= 2.0);
            }
        }
    }
    assert_eq!(sets, task.sets(&Shares::default(), 11).unwrap());
    assert_ne!(
        sets.test.rows,
        task.sets(&Shares::default(), 12).unwrap().test.rows
    );
    assert_eq!(task.sample(100, 1).unwrap().len(), 100);
    let (most, rest) = task.divide(0.9, 1).unwrap();
    assert_eq!((most.len(), rest.len()), (900, 100));
    assert_eq!(task.sample(5000, 1).unwrap(), task);
}

#[test]
fn a_class_absent_from_a_set_is_named() {
    let mut task = numbered(60);
    task.private[0].classes.push("rare".into());
    task.private[0].values[7] = 5;
    let error = task.sets(&Shares::default(), 1);
    assert!(matches!(
        mentions(error, &["rare", "level", "set"]),
        DataError::ClassOutsideSet { .. }
    ));
    let shares = Shares {
        model: 0.9,
        ..Shares::default()
    };
    mentions(task.sets(&shares, 1), &["sum of the four shares"]);
    let shares = Shares {
        test: 0.0,
        ..Shares::default()
    };
    mentions(task.sets(&shares, 1), &["share of a set"]);
}

fn numbered(count: usize) -> TaskData {
    let names = |n: usize| (0..n).map(|c| c.to_string()).collect::<Vec<_>>();
    let of = |n: usize, f: fn(usize) -> usize| {
        Labels::new(
            if n == 2 { "side" } else { "level" },
            names(n),
            (0..count).map(f).collect(),
        )
        .unwrap()
    };
    let rows = (0..count).map(|i| i as f32).collect();
    let private = vec![of(5, |i| (i / 3) % 5)];
    TaskData::new("numbers", [1, 1, 1], rows, of(2, |i| i % 2), private).unwrap()
}

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

const PEOPLE: &str = "age,town,sex,pay\n20,Ulm,f,low\n30,Bonn,m,high\n,Ulm,m,low\n40,,f,high\n";

fn people() -> TableTask {
    TableTask {
        name: "people".into(),
        public: LabelColumn::plain("pay"),
        private: vec![LabelColumn::plain("sex")],
        without: Vec::new(),
        keep: Vec::new(),
        columns: None,
    }
}

#[test]
fn tables_are_standardised_and_one_hot_without_their_labels() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "people.csv", PEOPLE);
    let task = tasks::table(&path, &people()).unwrap();
    let names: BTreeSet<&str> = task.columns.iter().map(Column::name).collect();
    assert_eq!(names, BTreeSet::from(["age", "town"]));
    assert_eq!(task.shape, [1, 1, 4], "age and three levels of town");
    let age = |i: usize| task.row(i)[0];
    assert!((age(0) + 1.2247).abs() < 1e-3 && age(1) == 0.0 && age(2) == 0.0);
    for i in 0..4 {
        assert_eq!(task.row(i)[1..].iter().sum::<f32>(), 1.0);
    }
    assert_eq!(task.private[0].classes, ["f", "m"]);
    let kept = TableTask {
        keep: vec!["sex".into()],
        ..people()
    };
    assert_eq!(tasks::table(&path, &kept).unwrap().shape, [1, 1, 6]);
}

#[test]
fn another_file_is_encoded_like_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let task = tasks::table(&file(&folder, "people.csv", PEOPLE), &people()).unwrap();
    let few = file(&folder, "few.csv", "town,age\nUlm,20\n");
    assert_eq!(tasks::read_rows(&few, &task.columns).unwrap(), task.row(0));
    let odd = file(&folder, "odd.csv", "town,age\nKiel,20\n");
    mentions(
        tasks::read_rows(&odd, &task.columns),
        &["Kiel", "line 2", "Bonn"],
    );
    let odd = file(&folder, "odd.csv", "town,age\nUlm,old\n");
    mentions(
        tasks::read_rows(&odd, &task.columns),
        &["age", "old", "not a number"],
    );
    let odd = file(&folder, "odd.csv", "town\nUlm\n");
    mentions(tasks::read_rows(&odd, &task.columns), &["age", "feature"]);
}

#[test]
fn what_is_wrong_with_a_label_of_a_table_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "people.csv", PEOPLE);
    let private = |column: &str| TableTask {
        private: vec![LabelColumn::plain(column)],
        ..people()
    };
    mentions(
        tasks::table(&path, &private("sexe")),
        &["sexe", "private", "did you mean \"sex\""],
    );
    let error = mentions(
        tasks::table(&path, &private("town")),
        &["town", "row 4", "missing"],
    );
    assert!(matches!(error, DataError::MissingLabel { .. }));
    let path = file(&folder, "same.csv", "age,sex,pay\n1,f,low\n2,f,high\n");
    let error = mentions(
        tasks::table(&path, &people()),
        &["sex", "\"f\" in every row"],
    );
    assert!(matches!(error, DataError::ConstantLabel { .. }));
    let path = file(&folder, "nan.csv", "age,sex,pay\nNaN,f,low\n2,m,high\n");
    mentions(
        tasks::table(&path, &people()),
        &["age", "not finite", "row 1"],
    );
    let path = file(&folder, "none.csv", "age,sex,pay\n");
    mentions(tasks::table(&path, &people()), &["0 rows"]);
}

const ADULT: &str = "\
age,workclass,fnlwgt,education,education-num,marital-status,occupation,relationship,race,sex,hours-per-week,income-per-year
39,State-gov,77516,Bachelors,13,Never-married,Adm-clerical,Not-in-family,White,Male,40,<=50K
50,Self-emp,83311,Bachelors,13,Married-civ-spouse,Exec-managerial,Husband,White,Male,13,>50K
38,Private,215646,HS-grad,9,Divorced,Handlers,Not-in-family,Black,Female,40,<=50K
";

#[test]
fn adult_hides_its_private_columns_and_what_repeats_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "adult.csv", ADULT);
    let features = |task: &TaskData| -> BTreeSet<String> {
        task.columns.iter().map(|c| c.name().to_owned()).collect()
    };
    let task = tasks::adult(&path, "income", &["sex", "marital-status"], &[]).unwrap();
    assert_eq!(task.private[1].classes, ["not married", "married"]);
    assert_eq!(task.private[1].values, [0, 1, 0]);
    let seen = features(&task);
    for hidden in [
        "sex",
        "marital-status",
        "relationship",
        "income-per-year",
        "fnlwgt",
    ] {
        assert!(!seen.contains(hidden), "{hidden} is among {seen:?}");
    }
    assert!(seen.contains("race") && seen.contains("age"));
    let task = tasks::adult(&path, "income", &["sex"], &["sex", "relationship"]).unwrap();
    let seen = features(&task);
    assert!(
        seen.contains("sex") && seen.contains("relationship") && seen.contains("marital-status")
    );
    let strange = ADULT.replace("Divorced", "Unclear");
    let path = file(&folder, "strange.csv", &strange);
    mentions(
        tasks::adult(&path, "income", &["marital-status"], &[]),
        &["Unclear", "marital-status", "Widowed"],
    );
}

#[test]
fn credit_default_names_its_classes() {
    let folder = tempfile::tempdir().unwrap();
    let text = "ID,LIMIT_BAL,SEX,AGE,default-payment-next-month\n1,20000,1,24,1\n2,9000,2,26,0\n3,5,2,30,0\n";
    let path = file(&folder, "credit.csv", text);
    let task = tasks::credit_default(&path, "default", &["sex"], &[]).unwrap();
    assert_eq!(task.shape, [1, 1, 2]);
    assert_eq!(task.private[0].classes, ["1", "2"]);
    assert_eq!(
        (&task.public.values[..], &task.private[0].values[..]),
        (&[1, 0, 0][..], &[0, 1, 1][..])
    );
}

/// A bright or dark square, left or right, on 40 × 48 pixels.
fn painted(bright: bool, left: bool) -> Vec<u8> {
    let level = if bright { 250 } else { 120 };
    (0..40 * 48)
        .flat_map(|p| {
            let inside = (p % 40 < 20) == left && (14..34).contains(&(p / 40));
            if inside {
                [level, level / 2, 0]
            } else {
                [0, 0, 30]
            }
        })
        .collect()
}

/// A folder of pictures with the layout of CelebA.
fn gallery(count: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut table = format!("{count}\nBright Left\n");
    for i in 0..count {
        let (bright, left) = (i % 2 == 0, i % 3 == 0);
        let pixels = painted(bright, left);
        let name = format!("{i:04}.{}", KINDS[i % 2]);
        let path = folder.path().join(&name);
        if i % 2 == 0 {
            std::fs::write(path, [b"P6\n40 48\n255\n", &pixels[..]].concat()).unwrap();
        } else {
            let file = std::fs::File::create(path).unwrap();
            let mut encoder = png::Encoder::new(file, 40, 48);
            encoder.set_color(png::ColorType::Rgb);
            let mut writer = encoder.write_header().unwrap();
            writer.write_image_data(&pixels).unwrap();
        }
        let sign = |yes: bool| if yes { 1 } else { -1 };
        table += &format!("{name}  {} {:>2}\n", sign(bright), sign(left));
    }
    std::fs::write(folder.path().join("list_attr.txt"), table).unwrap();
    folder
}

const KINDS: [&str; 2] = ["ppm", "png"];

#[test]
fn a_jpeg_reads_as_what_it_was_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("left.jpg");
    let bytes = include_bytes!("pictures/left.jpg");
    std::fs::write(&path, bytes).unwrap();
    let read = tasks::read_picture(&path, 20, true).unwrap();
    let plain = folder.path().join("left.ppm");
    let pixels = painted(true, true);
    std::fs::write(&plain, [b"P6\n40 48\n255\n", &pixels[..]].concat()).unwrap();
    let drawn = tasks::read_picture(&plain, 20, true).unwrap();
    let error = read
        .iter()
        .zip(&drawn)
        .map(|(a, b)| (a - b).abs())
        .sum::<f32>();
    assert!(error / (read.len() as f32) < 0.03, "{error}");
    std::fs::write(&path, &bytes[..300]).unwrap();
    mentions(
        tasks::read_picture(&path, 20, true),
        &["left.jpg", "not a readable"],
    );
}

fn wish(side: usize, colour: bool) -> PictureTask {
    PictureTask {
        name: "gallery".into(),
        side,
        colour,
        public: "Bright".into(),
        private: vec!["Left".into()],
        limit: None,
        seed: 1,
    }
}

fn open(folder: &tempfile::TempDir, task: &PictureTask) -> Result<TaskData, DataError> {
    tasks::image_folder(folder.path(), &folder.path().join("list_attr.txt"), task)
}

#[test]
fn picture_folders_are_read_cut_and_scaled() {
    let folder = gallery(12);
    let task = open(&folder, &wish(16, true)).unwrap();
    assert_eq!((task.len(), task.shape), (12, [3, 16, 16]));
    assert_eq!(task.private[0].classes, ["not Left", "Left"]);
    for i in 0..task.len() {
        let red = |x: usize| task.row(i)[8 * 16 + x];
        let (left, right) = (red(3), red(12));
        assert_eq!(
            left > right,
            task.private[0].values[i] == 1,
            "{left} {right}"
        );
        assert_eq!(left.max(right) > 0.8, task.public.values[i] == 1);
    }
    let grey = open(
        &folder,
        &PictureTask {
            limit: Some(6),
            ..wish(20, false)
        },
    )
    .unwrap();
    assert_eq!((grey.len(), grey.shape), (6, [1, 20, 20]));
}

#[test]
fn labels_of_pictures_may_be_a_csv_file() {
    let folder = gallery(6);
    let mut csv = String::from("image,Bright,kind\n");
    for i in 0..6 {
        csv += &format!(
            "{i:04}.{},{},{}\n",
            KINDS[i % 2],
            i % 2,
            ["a", "b", "c"][i % 3]
        );
    }
    let table = file(&folder, "labels.csv", &csv);
    let task = PictureTask {
        private: vec!["kind".into()],
        ..wish(8, false)
    };
    let task = tasks::image_folder(folder.path(), &table, &task).unwrap();
    assert_eq!(task.private[0].classes, ["a", "b", "c"]);
    assert_eq!(task.public.values, [0, 1, 0, 1, 0, 1]);
}

#[test]
fn what_is_wrong_with_a_picture_is_named() {
    let folder = gallery(6);
    mentions(open(&folder, &wish(64, true)), &["40×48", "64"]);
    let broken = folder.path().join("0003.png");
    let whole = std::fs::read(&broken).unwrap();
    std::fs::write(&broken, &whole[..whole.len() / 2]).unwrap();
    let error = mentions(
        open(&folder, &wish(16, true)),
        &["0003.png", "not a readable picture"],
    );
    assert!(matches!(error, DataError::Picture { .. }));
    std::fs::write(&broken, b"not a picture").unwrap();
    mentions(open(&folder, &wish(16, true)), &["0003.png", "PNG"]);
    std::fs::remove_file(&broken).unwrap();
    let error = mentions(open(&folder, &wish(16, true)), &["0003.png", "exists"]);
    assert!(matches!(error, DataError::Io { .. }));
}

#[test]
fn what_is_wrong_with_a_label_table_is_named() {
    let folder = gallery(6);
    let task = PictureTask {
        private: vec!["Lefft".into()],
        ..wish(16, true)
    };
    mentions(
        open(&folder, &task),
        &["Lefft", "private", "did you mean \"Left\""],
    );
    let path = folder.path().join("list_attr.txt");
    let table = std::fs::read_to_string(&path).unwrap();
    let refuse = |table: String, words: &[&str]| {
        std::fs::write(&path, table).unwrap();
        mentions(open(&folder, &wish(16, true)), words)
    };
    refuse(table.replacen('6', "7", 1), &["announces 7", "lists 6"]);
    refuse(table.replace("-1", "1"), &["Bright", "every row"]);
    refuse(
        table.replace("0003.png", "../0003.png"),
        &["../0003.png", "inside the folder"],
    );
    refuse(table.replace(" -1", " -2"), &["-2", "line 4"]);
    refuse(table.replace("0003.png", ""), &["line 6", "2 fields"]);
    refuse("pictures\n".into(), &["first line"]);
}
