//! Functional encryption as a user runs it, on sizes of seconds.

mod process;

use assert_cmd::Command;
use process::{code, done, read_run, record, refused, told, write};

/// Two hidden values over four pixels and a constant.
const MODEL: &str = r#"{"inputs":5,"hidden":2,"outputs":2,
    "p":[[1,-2],[3,0],[0,1],[-1,2],[2,2]],"d":[[1,-1],[2,1]],"input_max":255}"#;

#[test]
fn the_data_set_is_written_with_samples_and_is_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let data = |out: &str| {
        let size = ["--train", "60", "--test", "20", "--seed", "3"];
        let args = ["fe", "data", "--out", out, "--json", "-"];
        record(&done(folder.path(), &[&args[..], &size].concat()))
    };
    let run = data("a");
    assert_eq!(run.figures().get("font.base_rate"), Some(0.5));
    data("b");
    let read = |out: &str, name: &str| std::fs::read(folder.path().join(out).join(name)).unwrap();
    for name in [
        "train-images-idx3-ubyte",
        "t10k-fonts-idx1-ubyte",
        "samples.png",
    ] {
        assert_eq!(read("a", name), read("b", name), "{name}");
    }
    assert_eq!(read("a", "train-images-idx3-ubyte").len(), 16 + 60 * 784);
    let page = String::from_utf8(read("a", "report.html")).unwrap();
    assert!(page.contains("data:image/png;base64,") && page.contains("Dancing Script"));
}

#[test]
fn the_benchmark_holds_its_contracted_figures_and_the_outputs_match() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "model.json", MODEL);
    let args = [
        "fe",
        "bench",
        "--model",
        "model.json",
        "--threads",
        "2",
        "--repeats",
        "2",
        "--table-mib",
        "1",
        "--batch",
        "3",
        "--out",
        "run",
        "--json",
        "-",
    ];
    let run = record(&done(folder.path(), &args));
    for name in [
        "encrypt_authority_ms",
        "encrypt_public_ms",
        "keygen_ms",
        "evaluate_ms",
        "dlog_ms",
        "ingest_checked_ms",
        "g1_add_us",
        "miller2_us",
        "final_exp_us",
        "batch.evaluate_per_s",
    ] {
        assert!(run.figures().get(name).unwrap() > 0.0, "{name}");
    }
    assert_eq!(run.figures().get("outputs_match"), Some(1.0));
}

#[test]
fn models_that_cannot_be_used_are_named_with_the_field() {
    let folder = tempfile::tempdir().unwrap();
    let bench = ["fe", "bench", "--model", "model.json"];
    refused(folder.path(), &bench, &["model.json"]);
    write(folder.path(), "model.json", MODEL.replace("[3,0]", "[3]"));
    refused(folder.path(), &bench, &["model.json", "p[1]"]);
    let huge = MODEL
        .replace("[2,2]", "[30000,30000]")
        .replace("[1,-1]", "[30000,1]");
    write(folder.path(), "model.json", huge);
    refused(folder.path(), &bench, &["output 0", "2^48"]);
    refused(
        folder.path(),
        &["fe", "bench", "--table-mib", "0"],
        &["0 MiB"],
    );
    assert!(
        !folder.path().join("runs").exists(),
        "refused before a folder was made"
    );
}

/// Six images of 2×2 pixels with labels, an authority opened by a key file, its public key and the
/// functional key of the model.
fn issued() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write(at, "model.json", MODEL);
    write(at, "secret", [7; 32]);
    let mut images = vec![0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 0, 2];
    images.extend((0..24u8).map(|i| i.wrapping_mul(37)));
    write(at, "t10k-images-idx3-ubyte", images);
    write(
        at,
        "t10k-labels-idx1-ubyte",
        [0, 0, 8, 1, 0, 0, 0, 6, 0, 1, 0, 1, 0, 1],
    );
    let init = [
        "fe",
        "authority",
        "init",
        "authority",
        "--model",
        "model.json",
    ];
    let more = [
        "--rank-budget",
        "3",
        "--public-key",
        "public.key",
        "--key-file",
        "secret",
    ];
    done(at, &[&init[..], &more].concat());
    done(at, &KEYGEN);
    folder
}

const KEYGEN: [&str; 10] = [
    "fe",
    "authority",
    "keygen",
    "authority",
    "--model",
    "model.json",
    "--key",
    "f.key",
    "--key-file",
    "secret",
];
const EVALUATE: [&str; 8] = [
    "fe",
    "evaluate",
    "--key",
    "f.key",
    "--model",
    "model.json",
    "--table-mib",
    "1",
];

#[test]
fn images_travel_from_the_encryptor_through_files_to_the_server() {
    let folder = issued();
    let at = folder.path();
    for (raw, out) in [(&["--raw"][..], "raw"), (&[], "packed")] {
        let encrypt = [
            "fe",
            "encrypt",
            "--public-key",
            "public.key",
            "--input",
            ".",
            "--out",
            out,
        ];
        let some = ["--skip", "1", "--count", "4"];
        done(at, &[&encrypt[..], &some, raw].concat());
    }
    assert!(at.join("packed/000001.ct").exists() && !at.join("packed/000005.ct").exists());
    let from = |folder: &str, out: &str, more: &[&str]| {
        let args = ["--ciphertexts", folder, "--out", out];
        done(at, &[&EVALUATE[..], &args, more].concat());
        std::fs::read_to_string(at.join(out).join("outputs.csv")).unwrap()
    };
    let packed = from("packed", "a", &[]);
    assert_eq!(packed, from("raw", "b", &[]));
    assert_eq!(packed, from("raw", "c", &["--trusted", "--threads", "2"]));
    // Pixels 4 to 7 times 37 modulo 256, after the constant.
    let x = [255i64, 148, 185, 222, 3];
    let h = [
        x[0] + 3 * x[1] - x[3] + 2 * x[4],
        -2 * x[0] + x[2] + 2 * x[3] + 2 * x[4],
    ];
    let outputs = [h[0] * h[0] + 2 * h[1] * h[1], -h[0] * h[0] + h[1] * h[1]];
    let expected = format!(
        "input,output_0,output_1,class\n000001,{},{},{}\n",
        outputs[0],
        outputs[1],
        usize::from(outputs[1] > outputs[0])
    );
    assert!(
        packed.starts_with(&expected),
        "{packed} instead of {expected}"
    );
}

#[test]
fn end_to_end_every_output_is_compared_with_the_clear() {
    let folder = issued();
    let at = folder.path();
    let by = [
        (&["--public-key", "public.key"][..], "p"),
        (
            &[
                "--authority",
                "authority",
                "--key-file",
                "secret",
                "--timing",
                "tables",
            ],
            "q",
        ),
    ];
    for (key, out) in by {
        let args = [
            "--input",
            ".",
            "--out",
            out,
            "--require",
            "outputs_match>=1",
        ];
        done(at, &[&EVALUATE[..], &args, key].concat());
        let run = read_run(at, out);
        assert_eq!(run.figures().get("compared"), Some(6.0));
        assert!(run.figures().get("accuracy").is_some());
    }
    let same = |out: &str| std::fs::read(at.join(out).join("outputs.csv")).unwrap();
    assert_eq!(same("p"), same("q"));
}

#[test]
fn the_budget_is_kept_and_the_log_tells_everything() {
    let folder = issued();
    let at = folder.path();
    let again = record(&done(at, &[&KEYGEN[..], &["--json", "-"]].concat()));
    assert_eq!(
        again.figures().get("rank"),
        Some(2.0),
        "the same key costs nothing"
    );
    write(at, "model.json", MODEL.replace("[1,-2]", "[5,1]"));
    refused(at, &KEYGEN, &["model.json", "budget is 3", "Rotate"]);
    done(
        at,
        &[
            "fe",
            "authority",
            "rotate",
            "authority",
            "--key-file",
            "secret",
        ],
    );
    done(at, &KEYGEN);
    let log = ["fe", "authority", "log", "authority", "--json", "-"];
    let run = record(&done(at, &log));
    for (name, value) in [
        ("lines", 6.0),
        ("issued", 3.0),
        ("refused", 1.0),
        ("rotated", 1.0),
    ] {
        assert_eq!(run.figures().get(name), Some(value), "{name}");
    }
    refused(
        at,
        &[&log[..4], &["--expect", "00ff"]].concat(),
        &["audit.log", "00ff"],
    );
    let path = at.join("authority/audit.log");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("operator", "somebody")).unwrap();
    refused(at, &log, &["audit.log", "line 1"]);
    refused(at, &KEYGEN, &["audit.log"]);
}

#[test]
fn the_passphrase_comes_from_the_environment_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let init = ["fe", "authority", "init", "a", "--inputs", "5"];
    refused(
        at,
        &init,
        &["TACIT_AUTHORITY_PASSPHRASE", "--passphrase-file"],
    );
    write(at, "short", "abc\n");
    refused(
        at,
        &[&init[..], &["--passphrase-file", "short"]].concat(),
        &["passphrase", "12"],
    );
    let with = |args: &[&str], value: &str| {
        Command::cargo_bin("tacit")
            .unwrap()
            .current_dir(at)
            .env("MY_SECRET", value)
            .args(args)
            .args(["--passphrase-env", "MY_SECRET"])
            .output()
            .unwrap()
    };
    let made = with(&init, "correct horse battery");
    assert_eq!(code(&made), 0, "{}", told(&made));
    write(at, "file", "correct horse battery\n");
    let rotate = ["fe", "authority", "rotate", "a"];
    done(at, &[&rotate[..], &["--passphrase-file", "file"]].concat());
    let wrong = with(&rotate, "incorrect horse battery");
    assert_eq!(code(&wrong), 2);
    assert!(
        told(&wrong).contains("wrong passphrase"),
        "{}",
        told(&wrong)
    );
}

#[test]
fn keys_and_ciphertexts_that_do_not_belong_together_are_refused() {
    let (one, other) = (issued(), issued());
    let at = one.path();
    let encrypt = [
        "fe",
        "encrypt",
        "--public-key",
        "public.key",
        "--input",
        ".",
        "--out",
        "c",
    ];
    done(at, &[&encrypt[..], &["--count", "2"]].concat());
    fn from<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&EVALUATE[..], &["--ciphertexts", "c"], more].concat()
    }

    let good = std::fs::read(at.join("f.key")).unwrap();
    std::fs::copy(other.path().join("f.key"), at.join("f.key")).unwrap();
    // Before the table of logarithms is built.
    let table = from(&["--table", "logarithms"]);
    refused(at, &table, &["000000.ct", "another authority"]);
    assert!(!at.join("logarithms").exists());
    let end_to_end = ["--public-key", "public.key", "--input", "."];
    refused(
        at,
        &[&EVALUATE[..], &end_to_end].concat(),
        &["another authority"],
    );
    write(at, "f.key", &good[..good.len() - 1]);
    refused(at, &from(&[]), &["f.key"]);
    write(at, "f.key", &good);
    refused(at, &from(&["--trusted"]), &["000000.ct", "--trusted"]);

    let bytes = std::fs::read(at.join("c/000001.ct")).unwrap();
    let mut bent = bytes.clone();
    bent[60] ^= 1;
    write(at, "c/000001.ct", &bent);
    refused(at, &from(&[]), &["000001.ct", "point"]);
    write(at, "c/000001.ct", [&bytes[..], &[0]].concat());
    refused(at, &from(&[]), &["000001.ct"]);
    write(at, "c/000001.ct", &bytes);

    write(at, "model.json", MODEL.replace("[1,-2]", "[5,1]"));
    refused(at, &from(&[]), &["f.key", "model.json"]);
    refused(
        at,
        &[
            "fe",
            "evaluate",
            "--key",
            "f.key",
            "--model",
            "model.json",
            "--input",
            ".",
        ],
        &[],
    );
}

#[test]
fn images_that_do_not_fit_are_refused_with_their_file() {
    let folder = issued();
    let at = folder.path();
    let with = |input: &str| {
        let args = [
            "fe",
            "encrypt",
            "--public-key",
            "public.key",
            "--out",
            "c",
            "--input",
        ];
        args.into_iter()
            .map(str::to_owned)
            .chain([input.to_owned()])
            .collect::<Vec<_>>()
    };
    let refuse = |input: &str, more: &[&str], names: &[&str]| {
        let args = with(input);
        let args: Vec<&str> = args
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        refused(at, &args, names);
    };
    refuse("missing", &[], &["missing"]);
    refuse(
        "t10k-labels-idx1-ubyte",
        &[],
        &["t10k-labels", "dimensions"],
    );
    refuse(".", &["--skip", "6"], &["none is left"]);
    refuse(".", &["--constant", "256"], &["256"]);
    write(
        at,
        "wide",
        [
            &[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7][..],
            &[9; 7],
        ]
        .concat(),
    );
    refuse("wide", &[], &["wide", "7 pixels", "5 values"]);
    assert!(!at.join("c").exists());
}
