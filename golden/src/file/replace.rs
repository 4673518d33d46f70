//! Writing a file in one piece, and only over what may be lost: an earlier file of the same kind.

use std::{
    fs::{self, Metadata, OpenOptions, Permissions},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

/// The program's own output by this name, which may lead to a file that must not be taken away from it.
const STANDARD_OUTPUT: &str = "/dev/stdout";

/// What a program writes to files of some name, and how an earlier one is told from anything else.
///
/// A file is written in one piece: whoever reads it sees the old one or the new one. What is there already decides:
///
/// | at the path | then |
/// | --- | --- |
/// | nothing | the file appears; what appears there meanwhile stays, and writing fails |
/// | an empty file, or one of this kind | it is replaced, with its permissions; another name of the same file (a hard link) keeps the old one |
/// | a link to one of these | the file that it leads to is replaced, the link stays |
/// | a pipe, a terminal, another stream | the bytes are sent through |
/// | a file of any other kind, a read-only file, a folder, a disk, a link to nothing | refused; nothing is changed |
#[derive(Clone, Copy, Debug)]
pub struct FileKind {
    /// What it is, with its article: `an emulator`.
    pub name: &'static str,
    /// Whether a file that begins like this is one; of a long file, these are the first [`HEAD`](Self::HEAD) bytes.
    pub is: fn(&[u8]) -> bool,
}

/// What is at a path.
enum Place {
    /// Nothing.
    Free,
    /// A file, by its own path.
    File(PathBuf, Metadata),
    /// Something that takes bytes and keeps no file.
    Stream,
}

impl FileKind {
    /// Bytes at the beginning of a file that tell its kind.
    pub const HEAD: usize = 4096;

    /// An emulator file.
    pub const EMULATOR: Self = Self {
        name: "an emulator",
        is: |head| head.split(|&byte| byte == b'\n').any(|line| line.starts_with(b"emeuro:")),
    };

    /// Writes `bytes` to `path`.
    ///
    /// # Errors
    /// What is at the path may not be replaced, or its folder cannot be written.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        put(self.place(path)?, path, bytes)
    }

    /// Whether [`write`](Self::write) would be refused: to be asked before long work.
    ///
    /// # Errors
    /// What is at the path may not be replaced.
    pub fn check(&self, path: &Path) -> io::Result<()> {
        self.place(path).map(drop)
    }

    /// The file that would be written, by its own path if `path` is a link: for those who write it themselves.
    ///
    /// # Errors
    /// As [`check`](Self::check), and a stream, which keeps no file.
    pub fn destination(&self, path: &Path) -> io::Result<PathBuf> {
        match self.place(path)? {
            Place::Free => Ok(path.to_owned()),
            Place::File(file, _) => Ok(file),
            Place::Stream => Err(refused("expected a file, found a stream")),
        }
    }

    fn place(&self, path: &Path) -> io::Result<Place> {
        let place = place(path)?;
        if let Place::File(file, _) = &place {
            let mut head = vec![];
            fs::File::open(file)?.take(Self::HEAD as u64).read_to_end(&mut head)?;
            if !head.is_empty() && !(self.is)(&head) {
                let expected = format!("a name that is free, or of an earlier file that holds {}", self.name);
                return Err(refused(&format!("the file that is there stays: expected {expected}")));
            }
        }
        Ok(place)
    }
}

/// Writes `bytes` to `path` in one piece, over a file of any kind; otherwise as a [`FileKind`] does.
///
/// # Errors
/// The folder does not exist or cannot be written, or what is at the path is no file that may be replaced.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(place(path)?, path, bytes)
}

fn place(path: &Path) -> io::Result<Place> {
    if path == Path::new(STANDARD_OUTPUT) {
        return Ok(Place::Stream);
    }
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return match fs::symlink_metadata(path) {
                Ok(_) => Err(refused("expected a file, found a link to nothing")),
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(Place::Free),
                Err(e) => Err(e),
            };
        }
        Err(e) => return Err(e),
    };
    if metadata.is_dir() {
        return Err(refused("expected a file, found a folder"));
    }
    if is_disk(&metadata) {
        return Err(refused("expected a file, found a disk"));
    }
    if !metadata.is_file() {
        return Ok(Place::Stream);
    }
    if metadata.permissions().readonly() {
        return Err(refused("the file that is there is read-only and stays"));
    }
    // The file itself, if the path is a link.
    Ok(Place::File(fs::canonicalize(path)?, metadata))
}

fn put(place: Place, path: &Path, bytes: &[u8]) -> io::Result<()> {
    match place {
        Place::Free => Ok(temporary(path, bytes, None)?.persist_noclobber(path).map(drop)?),
        Place::File(file, metadata) => {
            Ok(temporary(&file, bytes, Some(metadata.permissions()))?.persist(file).map(drop)?)
        }
        Place::Stream if path == Path::new(STANDARD_OUTPUT) => {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()
        }
        Place::Stream => {
            let mut stream = OpenOptions::new().append(true).open(path)?;
            stream.write_all(bytes)?;
            stream.flush()
        }
    }
}

/// A file with `bytes` in the folder of `path`.
fn temporary(
    path: &Path,
    bytes: &[u8],
    permissions: Option<Permissions>,
) -> io::Result<tempfile::NamedTempFile> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".emeuro-");
    // Temporary files are private to their owner; the file that this one becomes is as readable as any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    Ok(file)
}

#[cfg(unix)]
fn is_disk(metadata: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_block_device(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_disk(_: &Metadata) -> bool {
    false
}

fn refused(problem: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, problem)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const NOTE: FileKind = FileKind { name: "a note", is: |head| head.starts_with(b"note") };

    /// A folder with a file that holds `text`.
    fn with(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn entries(folder: &tempfile::TempDir) -> usize {
        fs::read_dir(folder.path()).unwrap().count()
    }

    #[test]
    fn a_file_is_new_or_replaces_one_of_its_kind() {
        let (folder, path) = with("note: old, and longer");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        NOTE.write(&path, b"note: new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "note: new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        let other = folder.path().join("other");
        NOTE.write(&other, b"").unwrap();
        NOTE.write(&other, b"note").unwrap();
        assert_eq!((fs::read(&other).unwrap(), entries(&folder)), (b"note".to_vec(), 2));
    }

    #[test]
    fn what_is_no_file_of_the_kind_stays() {
        let (folder, path) = with("dear diary");
        let message = NOTE.write(&path, b"note").unwrap_err().to_string();
        assert!(message.contains("an earlier file that holds a note"), "{message}");
        assert_eq!(NOTE.check(&path).unwrap_err().to_string(), message);
        assert_eq!(fs::read_to_string(&path).unwrap(), "dear diary");
        for write in [NOTE.write(folder.path(), b"note"), write_atomically(folder.path(), b"note")] {
            assert!(write.unwrap_err().to_string().contains("found a folder"));
        }
        fs::write(&path, "note").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
        assert!(NOTE.write(&path, b"note 2").unwrap_err().to_string().contains("read-only"));
        assert_eq!((fs::read_to_string(&path).unwrap(), entries(&folder)), ("note".to_owned(), 1));
    }

    #[test]
    fn links_are_followed_and_hard_links_keep_the_old_file() {
        let (folder, path) = with("note 1");
        let [link, second, nothing] = ["link", "second", "nothing"].map(|name| folder.path().join(name));
        symlink("file", &link).unwrap();
        fs::hard_link(&path, &second).unwrap();
        NOTE.write(&link, b"note 2").unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("file"));
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!((read(&path), read(&second)), ("note 2".to_owned(), "note 1".to_owned()));
        assert_eq!(NOTE.destination(&link).unwrap(), fs::canonicalize(&path).unwrap());
        symlink("missing", &nothing).unwrap();
        assert!(NOTE.write(&nothing, b"note").unwrap_err().to_string().contains("a link to nothing"));
        fs::write(&path, "dear diary").unwrap();
        assert!(NOTE.write(&link, b"note").is_err());
        assert_eq!((read(&path), entries(&folder)), ("dear diary".to_owned(), 4));
    }

    #[test]
    fn streams_are_written_through() {
        write_atomically(Path::new("/dev/null"), b"note").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert!(NOTE.destination(Path::new("/dev/null")).unwrap_err().to_string().contains("a stream"));
    }
}
