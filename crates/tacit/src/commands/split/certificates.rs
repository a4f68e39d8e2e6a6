//! `tacit split certificates`: an authority of one's own for a trial, and what it signs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tacit_seal::file;
use tacit_serve::{Authority, Credentials, certificates_to_pem};

use crate::error::Context;
use crate::{Console, Error, Outcome};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Arguments of `tacit split certificates`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes into the folder, and replaces nothing:
  authority.pem             whom both sides trust: --clients-ca of the service, --ca of its clients
  server.pem, server.key    --cert and --key of the service
  NAME.pem, NAME.key        --cert and --key of the client of this name
Keys are readable by their owner alone. The authority's own key is written nowhere, so nobody can be added: for another
client, make all anew. A service that lasts has its certificates from an authority that is kept.

Examples:
  tacit split certificates --out certificates
  tacit split certificates --out certificates --host heads.example.org --host 192.0.2.7 --client clinic-a --client clinic-b")]
pub struct Certificates {
    /// The folder, made where it is not there.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,

    /// A name or address under which clients reach the service; may be repeated.
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    pub host: Vec<String>,

    /// A client's name, by which its limits are counted; may be repeated.
    #[arg(long, value_name = "NAME", default_value = "client")]
    pub client: Vec<String>,

    /// For how many days they are valid.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
}

/// Makes and writes them.
pub fn run(args: &Certificates, console: &mut Console) -> Result<Outcome, Error> {
    for (at, name) in args.client.iter().enumerate() {
        check(name, &args.client[..at])?;
    }
    let refused = || "the certificates cannot be made";
    let authority = Authority::generate("trial authority", DAY * args.days).bad_input(refused)?;
    let hosts: Vec<&str> = args.host.iter().map(String::as_str).collect();
    let mut made = vec![("server", authority.server(&hosts).bad_input(refused)?)];
    for name in &args.client {
        made.push((name, authority.client(name).bad_input(refused)?));
    }
    std::fs::create_dir_all(&args.out)
        .bad_input(|| format!("{} cannot be made", args.out.display()))?;
    let root = args.out.join("authority.pem");
    write(&root, &certificates_to_pem(&[authority.certificate()]))?;
    console.say(&root.display().to_string())?;
    for (name, credentials) in &made {
        pair(&args.out, name, credentials)?;
        console.say(&args.out.join(format!("{name}.pem")).display().to_string())?;
    }
    Ok(Outcome::done())
}

/// A client's name becomes the names of two files.
fn check(name: &str, before: &[String]) -> Result<(), Error> {
    let unusable = |why: &str| {
        Err(
            Error::bad_input(format!("a client cannot be called {name:?}"))
                .because(why)
                .remedy("use letters, digits, - and _"),
        )
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        return unusable("its files are called by this name");
    }
    match name {
        "server" | "authority" => unusable("there is another file of this name"),
        _ if before.iter().any(|other| other == name) => unusable("it is named twice"),
        _ => Ok(()),
    }
}

fn pair(folder: &Path, name: &str, credentials: &Credentials) -> Result<(), Error> {
    let (chain, key) = credentials.to_pem();
    write(&folder.join(format!("{name}.pem")), &chain)?;
    write(&folder.join(format!("{name}.key")), &key)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let remedy = "nothing is replaced; name another folder";
    file::create(path, text.as_bytes())
        .bad_input(|| format!("{} cannot be written", path.display()))
        .map_err(|error| error.remedy(remedy))
}
