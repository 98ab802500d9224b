//! Files that are there whole or not at all.
//!
//! A file is written beside its place under a name of its own, flushed to the disk, and renamed: a reader
//! sees the old bytes or the new ones, and a full disk, a crash or an interrupt leaves the old file alone.
//! Every error names the path it is about.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Characters of a folder's name at most.
const LONGEST: usize = 80;

/// Names that Windows keeps for devices, whatever follows their first dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// Writes `bytes` to `path`, making its folders as needed; replaces a file that is there.
///
/// # Errors
/// Whatever the file system says, with the path in the message; then `path` is as it was.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()));
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if path.is_dir() {
        return Err(named(io::Error::new(io::ErrorKind::IsADirectory, "there is a folder of that name")));
    }
    fs::create_dir_all(folder).map_err(named)?;
    let mut file = temporary(path.file_name().unwrap_or_default(), folder).map_err(named)?;
    file.write_all(bytes).map_err(named)?;
    file.as_file().sync_all().map_err(named)?;
    file.persist(path).map_err(|error| named(error.error))?;
    Ok(())
}

fn temporary(name: &OsStr, folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut prefix = OsStr::new(".").to_owned();
    // A long name would leave no room for what makes the temporary one unique.
    if name.len() <= 100 {
        prefix.push(name);
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file: what the user's mask leaves of it, not private to the owner.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// A folder's name for a scenario: letters, digits, `.`, `_` and `-` of its name, all else as `-`.
///
/// Never empty, never `.` or `..`, never with a separator, never a device of Windows; at most 80 characters,
/// a longer or wholly unusable name ends in a digest of itself, so that two such do not share a folder.
#[must_use]
pub fn folder_name(scenario: &str) -> String {
    let mut name = String::new();
    for c in scenario.trim().chars() {
        let kept = if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
        if kept != '-' || !name.ends_with('-') {
            name.push(kept);
        }
    }
    let trimmed = name.trim_matches(['.', '-']);
    let mut safe = if trimmed.len() > LONGEST {
        format!("{}-{:016x}", trimmed[..LONGEST - 17].trim_end_matches(['.', '-']), digest(scenario))
    } else if trimmed.is_empty() && !scenario.trim().is_empty() {
        format!("scenario-{:016x}", digest(scenario))
    } else if trimmed.is_empty() {
        "scenario".to_owned()
    } else {
        trimmed.to_owned()
    };
    let stem = safe.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let stem = stem.strip_suffix(|c: char| c.is_ascii_digit()).unwrap_or(&stem);
    if DEVICES.contains(&stem) {
        safe.insert(0, '_');
    }
    safe
}

/// FNV-1a over 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv): the same on every machine.
fn digest(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{folder_name, write_whole};

    fn entries(folder: &std::path::Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_made_with_its_folders_and_replaced_without_a_trace() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("outputs/launch/results.json");
        write_whole(&path, b"first").unwrap();
        write_whole(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(entries(path.parent().unwrap()), ["results.json"]);
    }

    #[test]
    fn an_error_names_the_path_and_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let taken = root.path().join("taken");
        fs::create_dir(&taken).unwrap();
        let error = write_whole(&taken, b"x").unwrap_err();
        assert!(error.to_string().contains(&taken.display().to_string()), "{error}");
        let file = root.path().join("file");
        fs::write(&file, b"old").unwrap();
        let below = file.join("results.json");
        let error = write_whole(&below, b"x").unwrap_err();
        assert!(error.to_string().contains("results.json"), "{error}");
        assert_eq!(entries(root.path()), ["file", "taken"]);
        assert_eq!(fs::read(&file).unwrap(), b"old");
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_it_as_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let (ours, plain) = (root.path().join("ours"), root.path().join("plain"));
        write_whole(&ours, b"x").unwrap();
        fs::write(&plain, b"x").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(ours), mode(plain));
    }

    #[test]
    fn folders_are_safe_whatever_the_scenario_is_called() {
        for (scenario, folder) in [
            ("single-server", "single-server"),
            ("Launch day: 5x", "Launch-day-5x"),
            ("</script>", "script"),
            ("../../etc/passwd", "etc-passwd"),
            ("a\\b\0c\nd", "a-b-c-d"),
            ("", "scenario"),
            ("  ", "scenario"),
            ("v1.2_final", "v1.2_final"),
            ("NUL", "_NUL"),
            ("com1.txt", "_com1.txt"),
            ("console", "console"),
        ] {
            assert_eq!(folder_name(scenario), folder, "{scenario:?}");
        }
        for hostile in ["..", ".", "///", "\u{202e}", "日本"] {
            let name = folder_name(hostile);
            assert!(name.starts_with("scenario-"), "{name}");
        }
        assert_ne!(folder_name("日本"), folder_name("東京"));
    }

    #[test]
    fn a_long_name_is_cut_and_told_apart() {
        let (a, b) = (folder_name(&"x".repeat(5000)), folder_name(&"x".repeat(5001)));
        assert_eq!((a.len(), b.len()), (80, 80));
        assert_ne!(a, b);
    }
}
