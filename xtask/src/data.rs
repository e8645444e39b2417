//! `cargo xtask data`: puts the data sets that are not part of the repository under `data/`, makes the page's
//! subsets of them under `assets/data/`, and rebuilds the committed MNIST subset.
//!
//! `data/` holds the full official files, for the command line; the page is built from `assets/` alone and never
//! gets them. Git ignores both.
//!
//! Every file is accepted by the SHA-256 of its uncompressed bytes and by nothing else, so it does not
//! matter whether it came from its official address, from a local folder, plain or gzipped.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

mod subsets;

const USAGE: &str = "\
usage: cargo xtask data [--from DIR] [--only cifar10|fashion-mnist]
       cargo xtask data --make-mnist-subset --from DIR

Puts the full CIFAR-10 and Fashion-MNIST under data/, from their official addresses or, with --from DIR
(or GLASSBOX_DATA=DIR in the environment), from DIR/cifar10 and DIR/fashion-mnist; and makes the page's
subsets of 10,000 training and 2,000 test images of them under assets/data/.
--make-mnist-subset rebuilds the committed assets/data/mnist/ from the full MNIST in DIR/mnist.";

/// Larger than the largest official file (Fashion-MNIST's training images, 47,040,016 bytes).
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Larger than the official CIFAR-10 archive (about 170 MB).
const MAX_DOWNLOAD_BYTES: u64 = 300 << 20;

/// One official file: its name without `.gz`, and the SHA-256 of its uncompressed bytes.
struct OfficialFile {
    name: &'static str,
    sha256: &'static str,
    /// False where the data set is usable without this file.
    required: bool,
}

/// How an official address delivers the files.
enum Address {
    /// One gzipped file each: address + name + ".gz".
    GzippedFiles(&'static str),
    /// One gzipped tar archive that holds all of them.
    TarArchive(&'static str),
}

struct DataSet {
    /// Folder below `data/` and `assets/data/`, and value of `--only`.
    name: &'static str,
    address: Address,
    files: &'static [OfficialFile],
    /// What a person who uses the data must know about its licence.
    licence: &'static str,
}

const fn required(name: &'static str, sha256: &'static str) -> OfficialFile {
    OfficialFile {
        name,
        sha256,
        required: true,
    }
}

const fn optional(name: &'static str, sha256: &'static str) -> OfficialFile {
    OfficialFile {
        name,
        sha256,
        required: false,
    }
}

const DATA_SETS: [DataSet; 2] = [
    DataSet {
        name: "cifar10",
        address: Address::TarArchive("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"),
        files: &[
            required(
                "test_batch.bin",
                "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
            ),
            optional(
                "data_batch_1.bin",
                "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            ),
            optional(
                "data_batch_2.bin",
                "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            ),
            optional(
                "data_batch_3.bin",
                "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            ),
            optional(
                "data_batch_4.bin",
                "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            ),
            optional(
                "data_batch_5.bin",
                "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            ),
        ],
        licence: "CIFAR-10 states no licence; its authors ask to cite \"Learning Multiple Layers of Features \
                  from Tiny Images\", Alex Krizhevsky, 2009. Do not redistribute it without deciding so.",
    },
    DataSet {
        name: "fashion-mnist",
        address: Address::GzippedFiles(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        files: &[
            required(
                "train-images-idx3-ubyte",
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            ),
            required(
                "train-labels-idx1-ubyte",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
            required(
                "t10k-images-idx3-ubyte",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            ),
            required(
                "t10k-labels-idx1-ubyte",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        ],
        licence: "Fashion-MNIST: MIT licence, copyright 2017 Zalando SE.",
    },
];

/// The full MNIST, from which the committed subset is selected.
const FULL_MNIST: [OfficialFile; 4] = [
    required(
        "train-images-idx3-ubyte",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    required(
        "train-labels-idx1-ubyte",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    required(
        "t10k-images-idx3-ubyte",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    required(
        "t10k-labels-idx1-ubyte",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
];

#[derive(Debug, Default, PartialEq)]
struct Options {
    from: Option<PathBuf>,
    only: Option<String>,
    make_mnist_subset: bool,
    help: bool,
}

/// Runs `cargo xtask data` with the arguments that follow the word `data`.
///
/// # Errors
/// Says which data set is incomplete and why; data sets that did succeed stay in place.
pub fn run(args: &[String]) -> Result<(), String> {
    let mut options = parse_options(args)?;
    if options.help {
        println!("{USAGE}");
        return Ok(());
    }
    if options.from.is_none() {
        options.from = std::env::var_os("GLASSBOX_DATA").map(PathBuf::from);
    }
    let root = repository_root()?;
    let (full, assets) = (root.join("data"), root.join("assets/data"));
    if options.make_mnist_subset {
        let from = options
            .from
            .ok_or("--make-mnist-subset needs --from DIR, with the full MNIST in DIR/mnist")?;
        return subsets::make_mnist(&from.join("mnist"), &assets.join("mnist"));
    }
    let mut failures = Vec::new();
    for set in DATA_SETS
        .iter()
        .filter(|set| options.only.as_deref().is_none_or(|only| only == set.name))
    {
        let installed = install(set, options.from.as_deref(), &full.join(set.name));
        let made = installed
            .and_then(|()| subsets::make(set.name, &full.join(set.name), &assets.join(set.name)));
        match made {
            Ok(()) => println!("{}: {}", set.name, set.licence),
            Err(message) => failures.push(format!("{}: {message}", set.name)),
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    Err(failures.join("\n"))
}

fn parse_options(args: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || {
            args.next()
                .cloned()
                .ok_or_else(|| format!("{arg} needs a value\n{USAGE}"))
        };
        match arg.as_str() {
            "--from" => options.from = Some(PathBuf::from(value()?)),
            "--only" => options.only = Some(value()?),
            "--make-mnist-subset" => options.make_mnist_subset = true,
            "--help" | "-h" => options.help = true,
            other => return Err(format!("unknown argument {other}\n{USAGE}")),
        }
    }
    if let Some(only) = &options.only
        && !DATA_SETS.iter().any(|set| set.name == only)
    {
        return Err(format!("--only {only}: expected cifar10 or fashion-mnist"));
    }
    Ok(options)
}

/// The folder of the workspace: the parent of this package's folder.
fn repository_root() -> Result<PathBuf, String> {
    let package =
        std::env::var_os("CARGO_MANIFEST_DIR").ok_or("run this through cargo: cargo xtask data")?;
    let root = Path::new(&package)
        .parent()
        .ok_or("the xtask package has no parent folder")?;
    Ok(root.to_path_buf())
}

/// Puts one data set into `target`, skipping files that are there already.
fn install(set: &DataSet, from: Option<&Path>, target: &Path) -> Result<(), String> {
    let wanted: Vec<&OfficialFile> = set
        .files
        .iter()
        .filter(|file| !is_installed(file, target))
        .collect();
    if wanted.is_empty() {
        println!(
            "{}: all {} files are already there and correct",
            set.name,
            set.files.len()
        );
        return Ok(());
    }
    fs::create_dir_all(target)
        .map_err(|error| format!("cannot create {}: {error}", target.display()))?;
    let absent = match from {
        Some(folder) => install_from_folder(&wanted, &folder.join(set.name), target)?,
        None => download(set, &wanted, target)?,
    };
    report_absent(set, &absent, target)
}

/// Fails where the data set cannot be used at all; otherwise prints what is absent.
fn report_absent(set: &DataSet, absent: &[&OfficialFile], target: &Path) -> Result<(), String> {
    let names = absent
        .iter()
        .map(|file| file.name)
        .collect::<Vec<_>>()
        .join(", ");
    if absent.iter().any(|file| file.required) {
        return Err(format!("required files not found: {names}"));
    }
    // CIFAR-10 trains with whichever batches there are, but not with none.
    let optional = set
        .files
        .iter()
        .filter(|file| !file.required)
        .collect::<Vec<_>>();
    if !optional.is_empty() && !optional.iter().any(|file| is_installed(file, target)) {
        return Err(format!(
            "no training file found: expected at least one of {names}"
        ));
    }
    if !absent.is_empty() {
        println!("{}: usable, but these files are absent: {names}", set.name);
    }
    Ok(())
}

fn is_installed(file: &OfficialFile, target: &Path) -> bool {
    find_file(target, file.name)
        .and_then(|path| read_checked(&path, file).ok())
        .is_some()
}

/// Copies what `folder` has of `wanted`; returns the files that it does not have.
fn install_from_folder<'a>(
    wanted: &[&'a OfficialFile],
    folder: &Path,
    target: &Path,
) -> Result<Vec<&'a OfficialFile>, String> {
    let mut absent = Vec::new();
    for &file in wanted {
        let Some(source) = find_file(folder, file.name) else {
            absent.push(file);
            continue;
        };
        let (stored, _) = read_checked(&source, file)?;
        let name = source.file_name().ok_or("a data file without a name")?;
        write_file(&target.join(name), &stored)?;
        println!("{}: copied and checked", target.join(name).display());
    }
    Ok(absent)
}

/// `name.gz` or `name` in `folder`, whichever exists.
fn find_file(folder: &Path, name: &str) -> Option<PathBuf> {
    [format!("{name}.gz"), name.to_string()]
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
}

/// The bytes of a file as stored and uncompressed, once the latter's SHA-256 is right.
fn read_checked(path: &Path, file: &OfficialFile) -> Result<(Vec<u8>, Vec<u8>), String> {
    let stored =
        read_limited(fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    let plain = if stored.starts_with(&[0x1f, 0x8b]) {
        read_limited(GzDecoder::new(stored.as_slice()))
            .map_err(|error| format!("{}: {error}", path.display()))?
    } else {
        stored.clone()
    };
    check_sha256(&path.display().to_string(), &plain, file)?;
    Ok((stored, plain))
}

fn read_limited(reader: impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    reader
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("longer than {MAX_FILE_BYTES} bytes"));
    }
    Ok(bytes)
}

fn check_sha256(who: &str, plain: &[u8], file: &OfficialFile) -> Result<(), String> {
    let actual = sha256_hex(plain);
    if actual == file.sha256 {
        return Ok(());
    }
    Err(format!(
        "{who}: SHA-256 of the uncompressed bytes is {actual}, expected {}",
        file.sha256
    ))
}

fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Writes beside the target and renames, so that an interrupted run leaves no half file.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    fs::write(&partial, bytes)
        .and_then(|()| fs::rename(&partial, path))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Gets `wanted` from the official address; returns the files that it did not deliver.
fn download<'a>(
    set: &DataSet,
    wanted: &[&'a OfficialFile],
    target: &Path,
) -> Result<Vec<&'a OfficialFile>, String> {
    match set.address {
        Address::GzippedFiles(address) => {
            for file in wanted {
                let path = target.join(format!("{}.gz", file.name));
                let partial = target.join(format!("{}.gz.partial", file.name));
                curl(&format!("{address}{}.gz", file.name), &partial)?;
                read_checked(&partial, file)?;
                fs::rename(&partial, &path)
                    .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
                println!("{}: downloaded and checked", path.display());
            }
            Ok(Vec::new())
        }
        Address::TarArchive(address) => {
            let archive = target.join("archive.tar.gz.partial");
            curl(address, &archive)?;
            let absent = unpack(&archive, wanted, target)?;
            fs::remove_file(&archive)
                .map_err(|error| format!("cannot remove {}: {error}", archive.display()))?;
            Ok(absent)
        }
    }
}

/// Writes the members of a gzipped tar archive that are `wanted`; returns those it does not hold.
/// Only a member's last name is looked at, so that an archive cannot choose where it is written.
fn unpack<'a>(
    archive: &Path,
    wanted: &[&'a OfficialFile],
    target: &Path,
) -> Result<Vec<&'a OfficialFile>, String> {
    let say = |error: std::io::Error| format!("{}: {error}", archive.display());
    let file = fs::File::open(archive).map_err(say)?;
    let mut tar = tar::Archive::new(GzDecoder::new(std::io::BufReader::new(file)));
    let mut absent = wanted.to_vec();
    for entry in tar.entries().map_err(say)? {
        let entry = entry.map_err(say)?;
        let path = entry.path().map_err(say)?.into_owned();
        let Some(index) = absent
            .iter()
            .position(|file| path.file_name().is_some_and(|name| name == file.name))
        else {
            continue;
        };
        let file = absent.remove(index);
        let plain = read_limited(entry)?;
        check_sha256(file.name, &plain, file)?;
        write_file(&target.join(file.name), &plain)?;
        println!("{}: unpacked and checked", target.join(file.name).display());
    }
    Ok(absent)
}

/// Downloads with the system's curl: no TLS stack of our own to build and keep current.
fn curl(address: &str, target: &Path) -> Result<(), String> {
    println!("{address}: downloading");
    let status = Command::new("curl")
        .args(["--fail", "--location", "--show-error", "--progress-bar", "--connect-timeout", "30", "--retry", "2"])
        .args(["--max-filesize", &MAX_DOWNLOAD_BYTES.to_string()])
        .arg("--output")
        .arg(target)
        .arg(address)
        .status()
        .map_err(|error| {
            format!("cannot run curl ({error}): install curl, or get the files yourself and pass --from DIR")
        })?;
    if status.success() {
        return Ok(());
    }
    Err(format!(
        "{address}: curl failed ({status}); with the files in a local folder, pass --from DIR"
    ))
}

/// Gzip with level 9, no name and time 0: the same bytes whenever it is run.
fn gzip(plain: &[u8]) -> Result<Vec<u8>, String> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    encoder
        .write_all(plain)
        .and_then(|()| encoder.finish())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn options_are_read_and_bad_ones_are_named() {
        let options = parse_options(&words("--from here --only cifar10")).unwrap();
        assert_eq!(options.from, Some(PathBuf::from("here")));
        assert_eq!(options.only.as_deref(), Some("cifar10"));
        assert!(
            parse_options(&words("--only imagenet"))
                .unwrap_err()
                .contains("imagenet")
        );
        assert!(
            parse_options(&words("--from"))
                .unwrap_err()
                .contains("--from needs a value")
        );
        assert!(
            parse_options(&words("--frm x"))
                .unwrap_err()
                .contains("--frm")
        );
    }

    #[test]
    fn a_changed_file_is_refused_and_an_incomplete_set_is_named() {
        let source =
            std::env::temp_dir().join(format!("glassbox-data-test-{}", std::process::id()));
        let set = &DATA_SETS[1];
        fs::create_dir_all(source.join(set.name)).unwrap();
        let file = source.join(set.name).join("t10k-labels-idx1-ubyte");
        let target = source.join("target");
        let missing = install(set, Some(&source), &target).unwrap_err();
        assert!(missing.contains("train-images-idx3-ubyte"), "{missing}");
        fs::write(&file, b"not the official file").unwrap();
        let refused = install(set, Some(&source), &target).unwrap_err();
        assert!(
            refused.contains("SHA-256") && refused.contains(set.files[3].sha256),
            "{refused}"
        );
        assert!(!target.join("t10k-labels-idx1-ubyte").exists());
        fs::remove_dir_all(&source).unwrap();
    }

    #[test]
    fn gzip_is_repeatable_and_carries_no_time() {
        let once = gzip(b"the same bytes").unwrap();
        assert_eq!(once, gzip(b"the same bytes").unwrap());
        assert_eq!(&once[4..8], &[0; 4]);
        assert_eq!(
            read_limited(GzDecoder::new(once.as_slice())).unwrap(),
            b"the same bytes"
        );
    }

    #[test]
    fn an_archive_gives_only_wanted_and_correct_files_under_their_last_name() {
        const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let folder =
            std::env::temp_dir().join(format!("glassbox-unpack-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in [("inner/readme.html", "hello"), ("inner/data.bin", "abc")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content.as_bytes())
                .unwrap();
        }
        let archive = folder.join("archive.tar.gz");
        fs::write(&archive, gzip(&tar.into_inner().unwrap()).unwrap()).unwrap();

        let (there, absent) = (required("data.bin", ABC), optional("more.bin", ABC));
        let left = unpack(&archive, &[&there, &absent], &folder).unwrap();
        assert_eq!(
            left.iter().map(|file| file.name).collect::<Vec<_>>(),
            ["more.bin"]
        );
        assert_eq!(fs::read(folder.join("data.bin")).unwrap(), b"abc");
        assert!(!folder.join("readme.html").exists());

        let wrong = required("readme.html", ABC);
        assert!(
            unpack(&archive, &[&wrong], &folder).is_err_and(|message| message.contains("SHA-256"))
        );
        assert!(!folder.join("readme.html").exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
