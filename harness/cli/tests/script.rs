//! `espalier run-script` as its user sees it, on official MicroPython v1.23.0.
//!
//! The image is fetched by `ci/fetch-images` and never committed. Without it, what needs it is reported as ignored, and a line
//! says why.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use libtest_mimic::{Arguments, Failed, Trial};

const IMAGE: &str = "ESP32_GENERIC-20240602-v1.23.0.bin";
const OLED_HELLO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/scripts/oled_hello.py");
const OLED_GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/goldens/micropython/oled-hello.png");

/// `ESPALIER_IMAGES` names a directory with fetched images; otherwise it is where `ci/fetch-images` puts them.
fn image_path() -> PathBuf {
    let directory = std::env::var_os("ESPALIER_IMAGES").map(PathBuf::from);
    directory.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/images")).join(IMAGE)
}

fn run_script(image: Option<&Path>, script: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_espalier"));
    command.args(["run-script", script]).args(args).env_remove("ESPALIER_IMAGE");
    command.envs(image.map(|image| ("ESPALIER_IMAGE", image)));
    let Output { status, stdout, stderr } = command.output().expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is text");
    (status.code(), text(stdout), text(stderr))
}

/// Runs `source` as `demo.py`.
fn run(source: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("demo.py");
    std::fs::write(&path, source).expect("a file");
    run_script(Some(&image_path()), path.to_str().expect("a path"), args)
}

fn output_and_arguments_go_through() {
    let (status, output, errors) = run("import sys\nprint('你好')\nprint(sys.argv[1:])\n", &["--port", "5001"]);
    assert_eq!((status, output.as_str(), errors.as_str()), (Some(0), "你好\n['--port', '5001']\n", ""));
}

fn an_exception_is_a_failure_with_its_line() {
    let (status, output, errors) = run("print('before')\ndef f():\n  return 1 / 0\nf()\n", &[]);
    assert_eq!((status, output.as_str()), (Some(1), "before\n"));
    assert!(
        errors.starts_with("error: ZeroDivisionError: divide by zero\n  at ") && errors.contains("demo.py:3 in f"),
        "{errors}"
    );
    assert!(errors.contains("    3 │   return 1 / 0\n"), "{errors}");
}

fn time_is_limited_when_asked_for() {
    let (status, output, errors) =
        run("import sys\nprint(sys.argv[1:])\nwhile True: pass\n", &["--within", "500ms", "x", "--within"]);
    assert_eq!((status, output.as_str()), (Some(1), "['x', '--within']\n"));
    assert!(errors.contains("demo.py still ran after 0.5"), "{errors}");
}

fn the_screen_is_saved() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("oled.png");
    let image = image_path();
    let args = ["--screen", picture.to_str().expect("a path"), "--firmware", image.to_str().expect("a path")];
    let (status, output, errors) = run_script(None, OLED_HELLO, &args);
    assert_eq!((status, output.as_str(), errors.as_str()), (Some(0), "SSD1306 at 0x3c\n", ""));
    let pixels = |path: &Path| espalier::decode_png(&std::fs::read(path).expect("a file")).expect("a picture");
    assert!(pixels(&picture) == pixels(Path::new(OLED_GOLDEN)));
}

fn without_firmware_it_says_what_is_missing() {
    let (status, _, errors) = run_script(None, OLED_HELLO, &[]);
    assert_eq!(status, Some(1));
    assert!(errors.starts_with("error: no firmware") && errors.contains("ESPALIER_IMAGE"), "{errors}");
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing = !image_path().exists();
    if missing && !arguments.list {
        eprintln!(
            "\nWARNING: most of these tests do NOT run: {} is missing. Fetch it with ci/fetch-images.\n",
            image_path().display()
        );
    }
    let on_a_board: [(&str, fn()); 4] = [
        ("output_and_arguments_go_through", output_and_arguments_go_through),
        ("an_exception_is_a_failure_with_its_line", an_exception_is_a_failure_with_its_line),
        ("time_is_limited_when_asked_for", time_is_limited_when_asked_for),
        ("the_screen_is_saved", the_screen_is_saved),
    ];
    let trial = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok::<(), Failed>(())
        })
    };
    let mut trials: Vec<Trial> =
        on_a_board.into_iter().map(|(name, test)| trial(name, test).with_ignored_flag(missing)).collect();
    trials.push(trial("without_firmware_it_says_what_is_missing", without_firmware_it_says_what_is_missing));
    libtest_mimic::run(&arguments, trials).exit_code()
}
