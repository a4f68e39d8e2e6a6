//! Split inference as a user runs it, on sizes of seconds: what is tested is that the parts fit and that bad input
//! is named, not how well so few rows can be protected.

mod process;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use process::{code, done, read_run, record, refused, tacit, told, write};

const DATA: &str = "--data characters --rows 400 --side 12";
const SHORT: &str = "--harden-epochs 2";
const AUDIT: &str = "split audit --attackers quick --encoder";
const HARDEN: &str = "split harden --cut 2 --model model/model.safetensors --out hardened";

/// Arguments as one types them.
fn args<'a>(parts: &[&'a str]) -> Vec<&'a str> {
    let words = parts.iter().flat_map(|part| part.split_whitespace());
    words.collect()
}

/// A folder with `model` and `hardened`, made once.
fn made() -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let train = "split train --model mlp --hidden 24,16 --epochs 15 --out model";
        done(folder.path(), &args(&[train, DATA]));
        done(folder.path(), &args(&[HARDEN, SHORT, DATA]));
        folder
    })
    .path()
}

/// A file in that folder.
fn at_made(name: &str) -> String {
    made().join(name).to_str().unwrap().to_owned()
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
    let beside = "hardened/encoder.safetensors --model model/model.safetensors";
    let to = "--private font --reconstruct --json - --out audit";
    let run = record(&done(at, &args(&[AUDIT, beside, to, DATA])));
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
        "Public accuracy against leak",
        "mean of the class",
        "Cost",
        "Stadler",
        "floor",
    ] {
        assert!(page.contains(part), "the report lacks {part}");
    }
    let export = "split export --hardened hardened --out e.onnx h.onnx m.json";
    let compare = "--reference reference.safetensors";
    done(at, &args(&[export, compare, DATA]));
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

#[test]
fn a_study_goes_on_from_its_records_and_grows() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let study = "split evaluate --model mlp --hidden 12,8 --cut 2 --epochs 4 --attackers quick \
                 --seeds 2 --tuning-seeds 1 --records records --json - \
                 --candidate undefended --candidate center:lambda=1/8,epochs=2";
    // Enough rows for every digit to be among those of the validation.
    let rows = "--data characters --rows 1000 --side 12";
    let first = record(&done(at, &args(&[study, rows, "--out first"])));
    let figure = |run: &tacit_report::Run, name: &str| run.figures().get(name);
    let attack = "center-lambda-1-8-epochs-2.font.attack_max";
    assert!(figure(&first, attack).is_some());
    assert!(figure(&first, &format!("{attack}_ci95")).is_some());
    assert!(figure(&first, "undefended.font.public_after").is_some());
    let page = std::fs::read_to_string(at.join("first/report.html")).unwrap();
    for part in [
        "Public accuracy against",
        "The best attacker on font",
        "Attackers on font",
        "served worst",
        "Stadler",
    ] {
        assert!(page.contains(part), "the report lacks {part}");
    }
    let lines = || {
        let files = std::fs::read_dir(at.join("records")).unwrap();
        let texts = files.map(|f| std::fs::read_to_string(f.unwrap().path()).unwrap());
        texts.map(|t| t.lines().count()).collect::<Vec<_>>()
    };
    assert_eq!(
        lines(),
        [6],
        "two strengths tried, two candidates of two runs"
    );
    let grown = "--candidate noise-only --out second";
    let second = record(&done(at, &args(&[study, rows, grown])));
    assert_eq!(lines(), [8]);
    assert_eq!(figure(&second, attack), figure(&first, attack));

    let refusal = |more: &str, names: &[&str]| refused(at, &args(&[study, rows, more]), names);
    refusal("--candidate center:lamda=4", &["lamda"]);
    refusal("--tuning age", &["age"]);
    refusal(
        "--candidate adversarial",
        &["adversarial", "private labels"],
    );
    let table = "--data mnist=. --correlations 0,1";
    refused(at, &args(&[study, table]), &["--correlations"]);
}

#[test]
fn a_sweep_draws_leak_and_accuracy_against_the_correlation() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let rows = "--data characters --rows 1000 --side 12";
    let study = "split evaluate --model mlp --hidden 12,8 --cut 2 --epochs 2 --attackers quick \
                 --seeds 1 --candidate undefended --correlations 0,0.5 --json - --out sweep";
    let run = record(&done(at, &args(&[study, rows])));
    for v in ["correlation-0", "correlation-0-5"] {
        let name = format!("{v}.undefended.font.ceiling");
        assert!(run.figures().get(&name).is_some(), "no figure {name}");
    }
    let page = std::fs::read_to_string(at.join("sweep/report.html")).unwrap();
    for part in [
        "correlation of the labels",
        "Normalised leak",
        "Correlation 0.5",
    ] {
        assert!(page.contains(part), "the report lacks {part}");
    }
    let files = std::fs::read_dir(at.join("sweep/records")).unwrap();
    assert_eq!(files.count(), 2, "one file for each data set");
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
    let certificates = args(&["split certificates --client clinic-a --out mine"]);
    done(at, &certificates);
    refused(
        at,
        &certificates,
        &["mine/authority.pem", "nothing is replaced"],
    );
    let odd = |client: &str, names: &[&str]| {
        let certificates = "split certificates --out odd --client";
        refused(at, &args(&[certificates, client]), names);
    };
    odd("../clinic", &["../clinic", "letters"]);
    odd("server", &["server"]);
    odd("a --client a", &["twice"]);
    done(at, &args(&["split certificates --out others"]));

    let head = "split serve --head . --listen 127.0.0.1:0 --cert mine/server.pem \
                --key mine/server.key --clients-ca mine/authority.pem";
    let (_service, port) = serve(at, &args(&[head]));
    write(
        at,
        "i.pgm",
        [b"P5 12 12 255\n".as_slice(), &[0; 144]].concat(),
    );
    let query = |who: &str| {
        let ask = "split query --encoder . --input i.pgm --ca mine/authority.pem";
        let proof = format!("--server localhost:{port} --cert {who}.pem --key {who}.key");
        tacit(at, &args(&[ask, &proof]))
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
    // Enough rows that the ceiling is well above the floor, whatever the noise.
    let many = "--data characters --rows 2000 --side 12 --fail-above -9 --out high";
    let output = tacit(folder.path(), &args(&[AUDIT, &at_made("hardened"), many]));
    assert_eq!(code(&output), 3, "{}", told(&output));
    let page = std::fs::read_to_string(folder.path().join("high/report.html")).unwrap();
    assert!(page.contains("not met"));
}

#[test]
fn a_client_audits_without_a_head_on_rows_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    std::fs::remove_file(folder.path().join("head.safetensors")).unwrap();
    done(
        folder.path(),
        &args(&[AUDIT, ". --data-seed 5 --out own", DATA]),
    );
}

#[test]
fn search_prices_every_cut() {
    let folder = tempfile::tempdir().unwrap();
    let model = at_made("model/model.safetensors");
    let search = "split search --loss undefended --json - --model";
    let run = record(&done(folder.path(), &args(&[search, &model, DATA])));
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
    let model = at_made("model/model.safetensors");
    let harden = |model: &str, more: &str, data: &str, names: &[&str]| {
        let given = args(&["split harden --model", model, more, data]);
        refused(at, &given, names);
    };
    harden(&model, "--cut 7", DATA, &["cut", "1-dense, 2-dense"]);
    let odd = "--cut 2 --loss centre";
    harden(&model, odd, DATA, &["centre", "mahalanobis"]);
    harden(&model, "--cut 2 --noise-snr -1", DATA, &["snr", "between"]);
    let missing = "missing.safetensors";
    harden(missing, "--cut 2", DATA, &[missing]);
    write(at, "model.pt", b"\x80\x02}q\x00.");
    harden("model.pt", "--cut 2", DATA, &["model.pt", "pickle"]);
    let wide = "--data characters --rows 400 --side 16";
    let names = ["do not fit", "1×12×12", "1×16×16"];
    harden(&model, "--cut 2", wide, &names);
}

#[test]
fn exports_that_do_not_belong_together_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    copy(at);
    let audit = args(&[AUDIT, ".", DATA]);
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
        let given = [&["split train --model mlp"], more].concat();
        refused(at, &args(&given), names);
    };
    train(&["--data numbers"], &["characters", "mnist=FOLDER"]);
    train(&["--data adult="], &["adult=PATH"]);
    train(&["--data adult=nowhere.csv"], &["nowhere.csv"]);
    train(&["--private fount"], &["fount", "font"]);
    train(&["--rows 30"], &["no row of class", "set"]);
    let mut csv = String::from("age,sex,town,pay\n");
    for i in 0..80 {
        csv += &format!(
            "{i},{},Ulm,{}\n",
            ["f", "m"][i % 2],
            ["low", "high"][i / 2 % 2]
        );
    }
    write(at, "t.csv", &csv);
    let table = "--data csv=t.csv --public pay";
    let unknown = ["sexe", "did you mean \"sex\""];
    train(&[table, "--private sexe"], &unknown);
    train(&[table, "--private town"], &["town", "every row"]);
    train(&[table, "--private pay"], &["twice"]);
    train(&["--data images=."], &["--labels"]);
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
    let data = "--data csv=t.csv --public pay --private sex";
    let train = "split train --model mlp --hidden 12,8 --out model";
    done(at, &args(&[train, data]));
    done(at, &args(&[HARDEN, SHORT, data]));
    done(at, &args(&[AUDIT, "hardened --out audit", data]));
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
    let reconstruct = args(&[AUDIT, "hardened --reconstruct --out pictures", data]);
    refused(at, &reconstruct, &["only pictures"]);
}

#[test]
fn a_service_without_credentials_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let head = at_made("hardened");
    let pem = "--cert c.pem --key k.pem";
    let serve = ["split serve --head", &head, pem];
    refused(at, &args(&serve), &["--clients-ca"]);
    let tokens = [&serve[..], &["--tokens t.toml"]].concat();
    refused(at, &args(&tokens), &["k.pem"]);
    let query = "--server localhost:1 --ca ca.pem --input i.png";
    let query = args(&["split query --encoder", &head, query]);
    refused(at, &query, &["--cert"]);
}
