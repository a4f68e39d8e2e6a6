//! The machine itself: who may read its files, whether it dumps memory, what its disks have left.

use std::path::Path;

use super::{Check, Verdict};
use crate::config::NodeConfig;

/// Bytes in a mebibyte.
const MIB: u64 = 1 << 20;

/// Whether others than the owner may read what opens this site's secrets, and what they are in.
pub(super) fn private_files(config: &NodeConfig) -> Option<Check> {
    let unlock = &config.unlock;
    let mut paths = vec![&config.identity, &config.state];
    paths.extend(unlock.key_file.iter().chain(&unlock.passphrase_file));
    let open: Vec<_> = paths
        .iter()
        .filter_map(|path| open_to_others(path))
        .collect();
    let what = "private files";
    Some(match open.is_empty() {
        true => Check::good(what, "readable by their owner alone"),
        false => {
            let names: Vec<_> = open.iter().map(|(text, _)| text.as_str()).collect();
            let remedies: Vec<_> = open.iter().map(|(_, remedy)| remedy.as_str()).collect();
            Check::warning(what, names.join("; "), remedies.join("; "))
        }
    })
}

#[cfg(unix)]
fn open_to_others(path: &Path) -> Option<(String, String)> {
    use std::os::unix::fs::PermissionsExt;
    let found = std::fs::metadata(path).ok()?;
    let mode = found.permissions().mode() & 0o777;
    let name = path.display();
    let wanted = if found.is_dir() { "700" } else { "600" };
    (mode & 0o077 != 0).then(|| {
        (
            format!("{name} has mode {mode:o}"),
            format!("chmod {wanted} {name}"),
        )
    })
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> Option<(String, String)> {
    None
}

/// Whether a crash would write this process's memory to a disk.
pub(super) fn core_dumps() -> Check {
    judge_core_dumps(core_limit())
}

fn judge_core_dumps(limit: Option<u64>) -> Check {
    let remedy = "start the node with `ulimit -c 0`, or LimitCORE=0 in its unit";
    match limit {
        Some(0) => Check::good("core dumps", "off"),
        Some(bytes) if bytes != u64::MAX => {
            let found = format!("on, up to {bytes} bytes: a crash could write keys to the disk");
            Check::warning("core dumps", found, remedy)
        }
        Some(_) => {
            let found = "on: a crash could write keys to the disk";
            Check::warning("core dumps", found, remedy)
        }
        None => Check::warning("core dumps", "not known on this system", remedy),
    }
}

#[cfg(unix)]
fn core_limit() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};
    Some(getrlimit(Resource::Core).current.unwrap_or(u64::MAX))
}

#[cfg(not(unix))]
fn core_limit() -> Option<u64> {
    None
}

/// What a folder's disk has left, beside what a session needs.
pub(super) fn space(what: &'static str, folder: &Path, need: Option<u64>) -> Check {
    judge_space(what, folder, free(folder), need)
}

fn judge_space(
    what: &'static str,
    folder: &Path,
    free: Result<u64, String>,
    need: Option<u64>,
) -> Check {
    let name = folder.display();
    let remedy = "free space, or put the folder on another disk";
    let free = match free {
        Ok(free) => free,
        Err(problem) => return Check::warning(what, format!("{name}: {problem}"), remedy),
    };
    let Some(need) = need else {
        let free = free / MIB;
        let found =
            format!("{name}: {free} MiB free; what a network's training writes is not reckoned");
        return Check::warning(
            what,
            found,
            "leave room for every round's inputs and shares",
        );
    };
    let found = format!(
        "{name}: {} MiB free, the plan may write {} MiB",
        free / MIB,
        need.div_ceil(MIB)
    );
    let verdict = match free {
        _ if free < need => Verdict::Bad,
        _ if free / 2 < need => Verdict::Warning,
        _ => return Check::good(what, found),
    };
    Check::new(what, verdict, found).remedy(remedy)
}

#[cfg(unix)]
fn free(folder: &Path) -> Result<u64, String> {
    let found = rustix::fs::statvfs(folder).map_err(|e| e.to_string())?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free(_: &Path) -> Result<u64, String> {
    Err("free space is not measured on this system".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_dumps_that_are_on_are_told() {
        assert_eq!(judge_core_dumps(Some(0)).verdict, Verdict::Good);
        for limit in [None, Some(4096), Some(u64::MAX)] {
            let check = judge_core_dumps(limit);
            assert_eq!(check.verdict, Verdict::Warning);
            assert!(check.remedy.unwrap().contains("LimitCORE=0"));
        }
    }

    #[test]
    fn too_little_space_is_bad_and_little_a_warning() {
        let folder = Path::new("/state");
        let judged = |free| judge_space("space", folder, free, Some(100 * MIB));
        assert_eq!(judged(Ok(201 * MIB)).verdict, Verdict::Good);
        assert_eq!(judged(Ok(199 * MIB)).verdict, Verdict::Warning);
        let bad = judged(Ok(99 * MIB));
        assert_eq!(bad.verdict, Verdict::Bad);
        assert!(bad.found.contains("99 MiB free") && bad.found.contains("/state"));
        assert_eq!(judged(Err("no".into())).verdict, Verdict::Warning);
        let unknown = judge_space("space", folder, Ok(MIB), None);
        assert_eq!(unknown.verdict, Verdict::Warning);
        assert!(
            space("space", &std::env::temp_dir(), Some(1))
                .found
                .contains("MiB free")
        );
    }

    #[cfg(unix)]
    #[test]
    fn files_that_others_may_read_are_named_with_the_command_that_closes_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("node.key");
        std::fs::write(&key, [7; 32]).unwrap();
        let allow = |mode| std::fs::set_permissions(&key, PermissionsExt::from_mode(mode)).unwrap();
        allow(0o640);
        let (found, remedy) = open_to_others(&key).unwrap();
        assert!(found.contains("node.key has mode 640"), "{found}");
        assert!(remedy.starts_with("chmod 600 "), "{remedy}");
        allow(0o600);
        assert_eq!(open_to_others(&key), None);
    }
}
