//! The folder that Traefik watches: the routes, and whatever the operator puts beside them.

use std::fs;
use std::io::{ErrorKind, Write as _};

use host_sdk::{Error, Result};

const ROUTES: &str = "routes.yml";
/// Tells this folder from one of the same path in another project. Traefik reads no file of such a name.
const ID: &str = "id";

/// The folder's own name for itself, made the first time.
pub fn id(folder: &str) -> Result<String> {
    let path = format!("{folder}/{ID}");
    match fs::read_to_string(&path) {
        Ok(id) if !id.trim().is_empty() => return Ok(id.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Error::from(error).context(format!("failed to read `{path}`"))),
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::failed(format!("there are no random numbers: {error}")))?;
    let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    write(folder, ID, &format!("{id}\n"))?;
    Ok(id)
}

/// Writes the routes; false when the file says the same already, so that Traefik need not read it again.
pub fn write_routes(folder: &str, text: &str) -> Result<bool> {
    let path = format!("{folder}/{ROUTES}");
    if fs::read_to_string(&path).is_ok_and(|before| before == text) {
        return Ok(false);
    }
    write(folder, ROUTES, text)?;
    Ok(true)
}

/// Whole or not at all: Traefik looks at the folder all the time. What is written aside has a name that it passes over.
fn write(folder: &str, name: &str, text: &str) -> Result<()> {
    let (aside, path) = (format!("{folder}/{name}.new"), format!("{folder}/{name}"));
    let done = fs::create_dir_all(folder).and_then(|()| fs::File::create(&aside)).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, &path)
    });
    done.map_err(|error| Error::from(error).context(format!("failed to write `{path}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_knows_itself_and_unchanged_routes_are_not_written_again() {
        let folder = std::env::temp_dir().join(format!("host-proxy-{}", std::process::id()));
        let path = folder.join("routes").to_string_lossy().into_owned();
        let first = id(&path).unwrap();
        assert_eq!((first.len(), id(&path).unwrap()), (32, first));
        assert_eq!([write_routes(&path, "a"), write_routes(&path, "a"), write_routes(&path, "b")].map(Result::unwrap), [true, false, true]);
        assert_eq!(fs::read_to_string(format!("{path}/routes.yml")).unwrap(), "b");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
        fs::remove_dir_all(folder).unwrap();
    }
}
