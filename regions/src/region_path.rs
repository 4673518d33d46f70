//! What the path of a region, `crate::module::name`, means to users and to files.

/// The beginning of the names of a region's files: its path with dots instead of colons.
///
/// ```
/// assert_eq!(emeuro_regions::file_stem_of("robot::arm::reach"), "robot.arm.reach");
/// ```
pub fn file_stem_of(path: &str) -> String {
    path.replace("::", ".")
}

/// Whether `name` may mean the region at `path`: it is the path, or its end.
///
/// ```
/// use emeuro_regions::is_name_of;
/// assert!(is_name_of("reach", "robot::arm::reach") && is_name_of("arm::reach", "robot::arm::reach"));
/// assert!(!is_name_of("each", "robot::arm::reach") && !is_name_of("arm", "robot::arm::reach"));
/// ```
pub fn is_name_of(name: &str, path: &str) -> bool {
    path == name || path.strip_suffix(name).is_some_and(|before| before.ends_with("::"))
}
