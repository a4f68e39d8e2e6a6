//! Split inference as a user runs it, on sizes of seconds: what is tested is that the parts fit and that bad input
//! is named, not how well so few rows can be protected.

mod process;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use process::{code, done, read_run, record, refused, tacit, told, write};

const DATA: [&str; 6] = ["--data", "characters", "--rows", "400", "--side", "12"];
const SHORT: [&str; 2] = ["--harden-epochs", "2"];

fn with<'a>(parts: &[&[&'a str]]) -> Vec<&'a str> {
    parts.concat()
}

/// A folder with `model` and `hardened`, made once.
fn made() -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let train = [
            "split", "train", "--model", "mlp", "--hidden", "24,16", "--epochs", "15",
        ];
        done(folder.path(), &with(&[&train, &DATA, &["--out", "model"]]));
        let harden = [
            "split",
            "harden",
            "--model",
            "model/model.safetensors",
            "--cut",
            "2",
        ];
        done(
            folder.path(),
            &with(&[&harden, &SHORT, &DATA, &["--out", "hardened"]]),
        );
        folder
    })
    .path()
}

/// A copy of the hardened folder, to be damaged.
fn copy(to: &Path) {
    for file in std::fs::read_dir(made().join("hardened")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn a_model_is_hardened_audited_and_exported() {
    let at = made();
    let run = read_run(at, "hardened");
    assert!(run.figures().get("public.accuracy_hardened").unwrap() >= 0.0);
    assert!(run.figures().get("client.bytes_per_row").unwrap() == 64.0);
    let audit = [
        "split",
        "audit",
        "--encoder",
        "hardened/encoder.safetensors",
        "--model",
        "model/model.safetensors",
        "--private",
        "font",
        "--attackers",
        "quick",
        "--json",
        "-",
    ];
    let run = record(&done(at, &with(&[&audit, &DATA, &["--out", "audit"]])));
    let figure = |name: &str| {
        run.figures()
            .get(name)
            .unwrap_or_else(|| panic!("no figure {name}"))
    };
    for name in [
        "attack_max",
        "floor",
        "ceiling",
        "base_rate",
        "undefended.attack_max",
    ] {
        let value = figure(&format!("private.font.{name}"));
        assert!((0.0..=1.0).contains(&value), "{name}: {value}");
    }
    assert!(figure("public.accuracy_undefended") > 0.1);
    let page = std::fs::read_to_string(at.join("audit/report.html")).unwrap();
    for part in [
        "font, undefended",
        "Features in the plane",
        "Stadler",
        "floor",
    ] {
        assert!(page.contains(part), "the report lacks {part}");
    }
    let export = [
        "split",
        "export",
        "--hardened",
        "hardened",
        "--reference",
        "reference.safetensors",
        "--out",
        "e.onnx",
        "h.onnx",
        "m.json",
    ];
    done(at, &with(&[&export, &DATA]));
    let version = std::fs::read(at.join("m.json")).unwrap();
    assert_eq!(
        version,
        std::fs::read(at.join("hardened/manifest.json")).unwrap()
    );
    let bytes = std::fs::read(at.join("reference.safetensors")).unwrap();
    let (tensors, _) = tacit_nn::store::from_tensors(&bytes, "the reference").unwrap();
    assert_eq!(tensors["rows"].shape[1], 144);
    assert_eq!(tensors["sent"].shape[1], 16);
    assert_ne!(tensors["sent"], tensors["features"], "no veil");
    assert_eq!(tensors["answers"].shape, tensors["answers_bare"].shape);
}

/// A service that ends with the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A service at a port of the system's choice, and that port.
fn serve(folder: &Path, args: &[&str]) -> (Service, String) {
    let child = Command::new(assert_cmd::cargo::cargo_bin("tacit"))
        .current_dir(folder)
        .args(args)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut service = Service(child);
    let mut line = String::new();
    let mut said = BufReader::new(service.0.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    let port = line.trim().rsplit(':').next().unwrap().to_owned();
    (service, port)
}

#[test]
fn trial_certificates_serve_a_head_and_nobody_else_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy(at);
    let certificates = [
        "split",
        "certificates",
        "--client",
        "clinic-a",
        "--out",
        "mine",
    ];
    done(at, &certificates);
    refused(
        at,
        &certificates,
        &["mine/authority.pem", "nothing is replaced"],
    );
    let odd = ["split", "certificates", "--out", "odd", "--client"];
    refused(
        at,
        &with(&[&odd, &["../clinic"]]),
        &["../clinic", "letters"],
    );
    refused(at, &with(&[&odd, &["server"]]), &["server"]);
    refused(at, &with(&[&odd, &["a", "--client", "a"]]), &["twice"]);
    done(at, &["split", "certificates", "--out", "others"]);

    let head = [
        "split",
        "serve",
        "--head",
        ".",
        "--listen",
        "127.0.0.1:0",
        "--cert",
        "mine/server.pem",
        "--key",
        "mine/server.key",
        "--clients-ca",
        "mine/authority.pem",
    ];
    let (_service, port) = serve(at, &head);
    let address = format!("localhost:{port}");
    write(
        at,
        "i.pgm",
        [b"P5 12 12 255\n".as_slice(), &[0; 144]].concat(),
    );
    let query = |who: &str| {
        let (cert, key) = (format!("{who}.pem"), format!("{who}.key"));
        let ask = ["split", "query", "--encoder", ".", "--input", "i.pgm"];
        let proof = ["--cert", &cert, "--key", &key, "--ca", "mine/authority.pem"];
        let to = ["--server", &address];
        tacit(at, &with(&[&ask, &proof, &to]))
    };
    let answered = query("mine/clinic-a");
    assert_eq!(code(&answered), 0, "{}", told(&answered));
    assert_eq!(code(&query("others/client")), 1, "a stranger was answered");
    // A server's certificate is no client's.
    assert_eq!(code(&query("mine/server")), 1, "the server asked itself");
}

#[test]
fn a_leak_above_the_bound_is_exit_code_three() {
    let folder = tempfile::tempdir().unwrap();
    let encoder = made().join("hardened");
    let audit = [
        "split",
        "audit",
        "--attackers",
        "quick",
        "--encoder",
        encoder.to_str().unwrap(),
    ];
    // Enough rows that the ceiling is well above the floor, whatever the noise.
    let many = ["--data", "characters", "--rows", "2000", "--side", "12"];
    let output = tacit(
        folder.path(),
        &with(&[&audit, &many, &["--fail-above", "-9", "--out", "high"]]),
    );
    assert_eq!(code(&output), 3, "{}", told(&output));
    let page = std::fs::read_to_string(folder.path().join("high/report.html")).unwrap();
    assert!(page.contains("not met"));
}

#[test]
fn a_client_audits_without_a_head_on_rows_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    std::fs::remove_file(folder.path().join("head.safetensors")).unwrap();
    let audit = [
        "split",
        "audit",
        "--encoder",
        ".",
        "--attackers",
        "quick",
        "--data-seed",
        "5",
    ];
    done(folder.path(), &with(&[&audit, &DATA, &["--out", "own"]]));
}

#[test]
fn search_prices_every_cut() {
    let folder = tempfile::tempdir().unwrap();
    let model = made().join("model/model.safetensors");
    let search = [
        "split",
        "search",
        "--loss",
        "undefended",
        "--model",
        model.to_str().unwrap(),
        "--json",
        "-",
    ];
    let run = record(&done(folder.path(), &with(&[&search, &DATA])));
    for cut in ["1-dense", "2-dense"] {
        for figure in [
            "client_macs",
            "client_parameters",
            "bytes_per_row",
            "latency_ms",
            "attack_max",
        ] {
            assert!(
                run.figures().get(&format!("cut.{cut}.{figure}")).is_some(),
                "{cut} {figure}"
            );
        }
    }
    assert_eq!(
        run.figures().get("cut.1-dense.client_macs"),
        Some(144.0 * 24.0)
    );
}

#[test]
fn networks_and_cuts_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let model = made().join("model/model.safetensors");
    let harden = |model: &str, more: &[&str], names: &[&str]| {
        refused(
            at,
            &with(&[&["split", "harden", "--model", model], more, &DATA]),
            names,
        );
    };
    let model = model.to_str().unwrap();
    harden(model, &["--cut", "7"], &["cut", "1-dense, 2-dense"]);
    harden(
        model,
        &["--cut", "2", "--loss", "centre"],
        &["centre", "mahalanobis"],
    );
    harden(
        model,
        &["--cut", "2", "--noise-snr", "-1"],
        &["snr", "between"],
    );
    harden(
        "missing.safetensors",
        &["--cut", "2"],
        &["missing.safetensors"],
    );
    write(at, "model.pt", b"\x80\x02}q\x00.");
    harden("model.pt", &["--cut", "2"], &["model.pt", "pickle"]);
    let wide = ["--data", "characters", "--rows", "400", "--side", "16"];
    let args = ["split", "harden", "--model", model, "--cut", "2"];
    refused(
        at,
        &with(&[&args, &wide]),
        &["do not fit", "1×12×12", "1×16×16"],
    );
}

#[test]
fn exports_that_do_not_belong_together_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy(at);
    let audit = with(&[
        &["split", "audit", "--encoder", ".", "--attackers", "quick"],
        &DATA,
    ]);
    let path = at.join("encoder.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    refused(at, &audit, &["encoder.safetensors", "hash"]);
    copy(at);
    let manifest = at.join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("tacit.split/1", "tacit.split/9")).unwrap();
    refused(at, &audit, &["tacit.split/9", "tacit.split/1"]);
    std::fs::remove_file(&manifest).unwrap();
    refused(at, &audit, &["manifest.json"]);
    copy(at);
    std::fs::remove_file(at.join("input.json")).unwrap();
    refused(at, &audit, &["input.json"]);
}

#[test]
fn rows_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let train = |more: &[&str], names: &[&str]| {
        refused(
            at,
            &with(&[&["split", "train", "--model", "mlp"], more]),
            names,
        );
    };
    train(&["--data", "numbers"], &["characters", "mnist=FOLDER"]);
    train(&["--data", "adult="], &["adult=PATH"]);
    train(&["--data", "adult=nowhere.csv"], &["nowhere.csv"]);
    train(&["--private", "fount"], &["fount", "font"]);
    train(&["--rows", "30"], &["no row of class", "set"]);
    let mut csv = String::from("age,sex,town,pay\n");
    for i in 0..80 {
        csv += &format!(
            "{i},{},Ulm,{}\n",
            ["f", "m"][i % 2],
            ["low", "high"][i / 2 % 2]
        );
    }
    write(at, "t.csv", &csv);
    let table = ["--data", "csv=t.csv", "--public", "pay"];
    train(
        &with(&[&table, &["--private", "sexe"]]),
        &["sexe", "did you mean \"sex\""],
    );
    train(
        &with(&[&table, &["--private", "town"]]),
        &["town", "every row"],
    );
    train(&with(&[&table, &["--private", "pay"]]), &["twice"]);
    train(&["--data", "images=."], &["--labels"]);
}

#[test]
fn a_table_goes_the_same_way_with_the_encoding_of_the_training() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut csv = String::from("age,height,sex,pay\n");
    for i in 0..240 {
        let (sex, pay) = (i % 2, usize::from(i % 7 > 2));
        csv += &format!(
            "{},{},{},{}\n",
            20 + i % 40 + 9 * pay,
            160 + i % 11 + 12 * sex,
            ["f", "m"][sex],
            ["low", "high"][pay]
        );
    }
    write(at, "t.csv", &csv);
    let data = ["--data", "csv=t.csv", "--public", "pay", "--private", "sex"];
    let train = [
        "split", "train", "--model", "mlp", "--hidden", "12,8", "--out", "model",
    ];
    done(at, &with(&[&train, &data]));
    let harden = [
        "split",
        "harden",
        "--model",
        "model/model.safetensors",
        "--cut",
        "2-dense",
        "--out",
        "hardened",
    ];
    done(at, &with(&[&harden, &SHORT, &data]));
    let audit = [
        "split",
        "audit",
        "--encoder",
        "hardened",
        "--attackers",
        "quick",
        "--out",
        "audit",
    ];
    done(at, &with(&[&audit, &data]));
    assert!(
        read_run(at, "audit")
            .figures()
            .get("private.sex.attack_max")
            .is_some()
    );
    let input = std::fs::read_to_string(at.join("hardened/input.json")).unwrap();
    assert!(
        input.contains("height") && !input.contains("sex"),
        "{input}"
    );
    let reconstruct = [&audit[..6], &["--reconstruct", "--out", "pictures"]].concat();
    refused(at, &with(&[&reconstruct, &data]), &["only pictures"]);
}

#[test]
fn a_service_without_credentials_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let head = made().join("hardened");
    let serve = ["split", "serve", "--head", head.to_str().unwrap()];
    let pem = ["--cert", "c.pem", "--key", "k.pem"];
    refused(at, &with(&[&serve, &pem]), &["--clients-ca"]);
    refused(
        at,
        &with(&[&serve, &pem, &["--tokens", "t.toml"]]),
        &["k.pem"],
    );
    let query = [
        "split",
        "query",
        "--encoder",
        head.to_str().unwrap(),
        "--server",
        "localhost:1",
        "--ca",
        "ca.pem",
    ];
    refused(at, &with(&[&query, &["--input", "i.png"]]), &["--cert"]);
}
