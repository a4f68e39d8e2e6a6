//! Integer models, tables of discrete logarithms, and the files of an authority.

use std::path::PathBuf;
use std::sync::LazyLock;

use tacit_fe::authority::{Authority, Policy, Request, Unlock, log};
use tacit_fe::group::Gt;
use tacit_fe::{DlogTable, IntegerModel};

/// JSON may be laid out in many ways, so what is accepted is compared after a round trip.
pub fn model(data: &[u8]) -> bool {
    let Ok(model) = IntegerModel::from_json(data) else {
        return false;
    };
    let again = IntegerModel::from_json(&model.to_json()).expect("its own encoding");
    sound(&model, &again)
}

/// So may the header of safetensors.
pub fn model_tensors(data: &[u8]) -> bool {
    let Ok(model) = IntegerModel::from_safetensors(data) else {
        return false;
    };
    let bytes = model.to_safetensors().expect("a model has an encoding");
    let again = IntegerModel::from_safetensors(&bytes).expect("its own encoding");
    sound(&model, &again)
}

/// A model survives its file, and its bounds hold at a corner.
fn sound(model: &IntegerModel, again: &IntegerModel) -> bool {
    assert_eq!(model.hash(), again.hash());
    let corner = vec![model.input_max(); model.inputs()];
    let bounds = model.bounds();
    if let Ok(outputs) = model.evaluate(&corner) {
        let mut ranges = bounds.outputs().iter().zip(outputs);
        assert!(ranges.all(|(range, output)| range.contains(output.into())));
    }
    true
}

fn models() -> impl Iterator<Item = IntegerModel> {
    let model = |sizes, p: &[i16], d: &[i16]| {
        IntegerModel::new(sizes, p.into(), d.into(), 255).expect("a model")
    };
    let models = [
        model((1, 1, 1), &[1], &[1]),
        model((3, 2, 2), &[1, -2, 3, 0, 5, -1], &[2, -1, 1, 3]),
        model((2, 1, 1), &[i16::MIN, i16::MAX], &[i16::MIN]),
    ];
    models.into_iter()
}

pub fn model_seeds() -> Vec<Vec<u8>> {
    models().map(|model| model.to_json()).collect()
}

pub fn model_tensors_seeds() -> Vec<Vec<u8>> {
    let bytes = |model: IntegerModel| model.to_safetensors().expect("a model has an encoding");
    models().map(bytes).collect()
}

/// With the checksum made to fit, so that the fuzzer gets behind it: no table, however wrong, may
/// lead to a wrong answer.
pub fn table(data: &[u8]) -> bool {
    let mut bytes = data.to_vec();
    if let Some(body) = bytes.len().checked_sub(32) {
        let checksum = blake3::hash(&bytes[..body]);
        bytes[body..].copy_from_slice(checksum.as_bytes());
    }
    let Ok(table) = DlogTable::from_bytes(&bytes) else {
        return false;
    };
    for value in [0, 1, -700, 123_456] {
        if let Ok(found) = table.solve(&Gt::generator().pow_signed(value), 1 << 18) {
            assert_eq!(found, value);
        }
    }
    true
}

/// The smallest layout, with all entries in the last bucket.
pub fn table_seeds() -> Vec<Vec<u8>> {
    let (top, buckets) = (1024u32, 129);
    let mut bytes = b"tacit.dlog\x01".to_vec();
    bytes.extend(blake3::hash(&Gt::generator().to_bytes()).as_bytes());
    bytes.extend(top.to_le_bytes());
    bytes.extend(vec![0; 4 * buckets]);
    bytes.extend((top + 1).to_le_bytes());
    bytes.extend((0..=top).flat_map(u32::to_le_bytes));
    bytes.extend([0; 32]);
    vec![bytes]
}

/// What verifies is a chain: each line follows the one before.
pub fn log(data: &[u8]) -> bool {
    let Ok(entries) = log::verify(data, "fuzz") else {
        return false;
    };
    let mut sequence = entries.iter().enumerate();
    assert!(sequence.all(|(index, entry)| entry.sequence() == index as u64));
    true
}

pub fn log_seeds() -> Vec<Vec<u8>> {
    vec![vec![], FOLDER.contents[1].clone()]
}

/// A small authority whose files are replaced one at a time. The first byte chooses the file.
pub fn folder(data: &[u8]) -> bool {
    let Some((&choice, contents)) = data.split_first() else {
        return false;
    };
    let choice = usize::from(choice) % FILES.len();
    let write = |contents: &[u8]| {
        for (file, original) in FILES.iter().zip(&FOLDER.contents) {
            std::fs::write(FOLDER.path.join(file), original).expect("a folder of our own");
        }
        std::fs::write(FOLDER.path.join(FILES[choice]), contents).expect("a folder of our own");
    };
    write(contents);
    let opened = Authority::open(&FOLDER.path, &unlock()).is_ok();
    // All of these files are authenticated; only an unfinished last line is forgiven.
    let whole = contents
        .iter()
        .rposition(|&b| b == b'\n')
        .map_or(0, |i| i + 1);
    let untouched = contents == FOLDER.contents[choice]
        || (choice == 1 && contents[..whole] == FOLDER.contents[1]);
    let same_anchor = choice == 2 && opened;
    assert!(
        !opened || untouched || same_anchor,
        "a changed file was accepted"
    );
    opened
}

pub fn folder_seeds() -> Vec<Vec<u8>> {
    let with_choice = |(choice, contents): (usize, &Vec<u8>)| {
        let mut out = vec![choice as u8];
        out.extend(contents);
        out
    };
    FOLDER
        .contents
        .iter()
        .enumerate()
        .map(with_choice)
        .collect()
}

const FILES: [&str; 3] = ["authority.sealed", "audit.log", "anchor.json"];

struct Folder {
    path: PathBuf,
    contents: Vec<Vec<u8>>,
}

fn unlock() -> Unlock {
    Unlock::key([7; 32]).expect("32 bytes")
}

static FOLDER: LazyLock<Folder> = LazyLock::new(|| {
    let path = std::env::temp_dir().join(format!("tacit-fuzz-{}", std::process::id()));
    let request = Request {
        who: "fuzz",
        time: 1,
    };
    let policy = Policy::new(2);
    let mut authority =
        Authority::create(&path, policy, &unlock(), request).expect("an empty folder");
    let model = IntegerModel::new((2, 1, 1), vec![1, 2], vec![1], 255).expect("a model");
    authority.issue(&model, request).expect("within the budget");
    drop(authority);
    let read = |file| std::fs::read(path.join(file)).expect("just written");
    let contents = FILES.map(read).to_vec();
    Folder { path, contents }
});
