//! SAP's file, where a developer has it.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Names the file; else it is looked for in a folder beside the project's.
const VARIABLE: &str = "CERTSTEWARD_SAP_OPENAPI";

const BESIDE: &str = "../shared/sap/destination-service-openapi.yaml";

/// The file as JSON; none where it is not at hand, which is said.
#[expect(clippy::print_stdout, reason = "who runs the tests shall see what was not tested")]
pub(super) fn sap() -> Option<Value> {
    let path = std::env::var_os(VARIABLE)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(BESIDE), PathBuf::from);
    if !path.is_file() {
        println!(
            "SKIPPED: SAP's OpenAPI file of the Destination service is not at {}; it is SAP's and no part of the project: \
             download it from the SAP Business Accelerator Hub and name it in {VARIABLE}",
            path.display()
        );
        return None;
    }
    let text = std::fs::read_to_string(&path).unwrap();
    Some(serde_yaml_ng::from_str(&text).unwrap())
}
