use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Places, Qemu};

/// A program that answers like QEMU. It is written by another process: a file that this one has open for writing while a third
/// one is started could not be run.
fn fake(path: &Path, script: &str) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut shell = Command::new("/bin/sh")
        .args(["-c", r#"cat >"$1" && chmod 755 "$1""#, "write"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
    path.to_owned()
}

fn espressif(version: &str) -> String {
    format!(
        "#!/bin/sh\ncase \"$*\" in\n'-M help') echo 'Supported machines are:'; echo 'esp32   Espressif ESP32 machine';;\n\
         --version) echo 'QEMU emulator version {version}'; echo more;;\nesac\n"
    )
}

const DEBIAN: &str = "#!/bin/sh\necho 'Supported machines are:'\necho 'lx60    lx60 EVB (dc232b)'\n";

#[test]
fn the_one_with_the_chip_is_taken_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let debian = fake(&place("usr/qemu-system-xtensa"), DEBIAN);
    let versions = ["esp_develop_8.2.0_20240122", "esp_develop_9.0.0_20240606", "esp_develop_10.0.0_20990101"];
    for version in versions {
        let program = format!("idf/tools/qemu-xtensa/{version}/qemu/bin/qemu-system-xtensa");
        fake(&place(&program), &espressif(version));
    }
    let mut places =
        Places { path: vec![place("empty"), place("usr")], tools: Some(place("idf")), ..Places::default() };
    let found = Qemu::find_in(&places).unwrap();
    assert_eq!(found.version(), "QEMU emulator version esp_develop_10.0.0_20990101", "the newest one");
    let on_path = fake(&place("opt/qemu-system-xtensa"), &espressif("8.2.0"));
    places.path.push(place("opt"));
    assert_eq!(Qemu::find_in(&places).unwrap().program(), on_path);
    places.named = Some(debian.clone());
    let error = Qemu::find_in(&places).unwrap_err().to_string();
    let refused =
        format!("no QEMU here has the machine \"esp32\":\n  {} does not list it in `-M help`\n", debian.display());
    assert!(error.starts_with(&refused) && error.contains("idf_tools.py install qemu-xtensa"), "{error}");
}

#[test]
fn programs_that_cannot_be_qemu_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let error = Qemu::find_in(&Places::default()).unwrap_err().to_string();
    assert!(error.starts_with("no qemu-system-xtensa: ESPALIER_QEMU is not set"), "{error}");
    let named = |program: PathBuf| {
        let error = Qemu::find_in(&Places { named: Some(program), ..Places::default() }).unwrap_err();
        error.to_string().lines().nth(1).unwrap().to_owned()
    };
    let broken = "#!/bin/sh\necho 'cannot load libpixman' >&2\nexit 127\n";
    let broken = named(fake(&folder.path().join("broken"), broken));
    assert!(broken.ends_with("broken ends with exit status 127: cannot load libpixman"), "{broken}");
    let absent = named(folder.path().join("absent"));
    assert!(absent.contains("absent ends with exit status 127: "), "{absent}");
}
