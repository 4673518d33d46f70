//! What lies in a folder, to compare with what lies there later.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// What is at a path: its kind, its contents or where it leads, its permissions.
pub(crate) type Seen = (&'static str, Vec<u8>, u32);

/// Everything below a folder, by path.
pub(crate) fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let mode = metadata.permissions().mode();
            let what = if metadata.is_symlink() {
                ("link", fs::read_link(&path).unwrap().as_os_str().as_encoded_bytes().to_vec(), mode)
            } else if metadata.is_dir() {
                folders.push(path.clone());
                ("folder", vec![], mode)
            } else {
                ("file", fs::read(&path).unwrap(), mode)
            };
            seen.insert(path, what);
        }
    }
    seen
}
