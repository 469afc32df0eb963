//! `straggle man`: manual pages.

use crate::cli::{self, Man};
use crate::error::Error;
use crate::output;
use serde_json::json;

impl Man {
    /// Prints or writes the pages.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn run(&self) -> Result<(), Error> {
        let Some(directory) = &self.directory else {
            let mut page = Vec::new();
            clap_mangen::Man::new(cli::command()).render(&mut page).map_err(Error::Print)?;
            let page = String::from_utf8_lossy(&page);
            return self.plain.print(&page, &json!({ "page": page }));
        };
        let failed = |source| Error::Write { path: directory.clone(), source, flag: "another DIR" };
        std::fs::create_dir_all(directory).map_err(failed)?;
        let mut program = cli::command().disable_help_subcommand(true);
        program.build();
        let (mut commands, mut written) = (vec![program], Vec::new());
        while let Some(command) = commands.pop() {
            commands.extend(command.get_subcommands().filter(|sub| !sub.is_hide_set()).cloned());
            let (page, mut text) = (clap_mangen::Man::new(command), Vec::new());
            let file = directory.join(page.get_filename());
            page.render(&mut text).and_then(|()| output::put(&file, &text)).map_err(failed)?;
            written.push(file.display().to_string());
        }
        written.sort();
        self.plain.print("", &json!({ "files": written }))
    }
}
