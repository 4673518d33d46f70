//! The pages, README.md and the book: narrow enough to read, and what they link to is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The most columns of a table that a page of the built book shows without scrolling.
const COLUMNS: usize = 8;
/// The same of a line of code, in characters.
const CHARACTERS: usize = 90;
/// Folder of the book's pages.
const BOOK: &str = "docs/src";

/// A Markdown page; paths are relative to the root of the repository, with `/`.
struct Page {
    path: String,
    text: String,
}

/// What a page says to its reader and to other pages.
#[derive(Default)]
struct Contents {
    /// Lines, and what is wrong with them.
    faults: Vec<(usize, String)>,
    /// Lines, and targets of links and pictures.
    links: Vec<(usize, String)>,
    /// Lines, and files that are shown as code, or as part of the page.
    includes: Vec<(usize, String, bool)>,
    /// Ids of headings.
    ids: BTreeSet<String>,
}

impl Contents {
    fn of(text: &str) -> Self {
        let mut contents = Self::default();
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_HEADING_ATTRIBUTES;
        let ends: Vec<usize> = text.match_indices('\n').map(|(end, _)| end).collect();
        let line_of = |offset: usize| ends.partition_point(|end| *end < offset) + 1;
        let (mut heading, mut code, mut columns) = (None, false, 0);
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            let line = line_of(range.start);
            match event {
                Event::Start(Tag::Heading { id, .. }) => heading = Some((id, String::new())),
                Event::End(TagEnd::Heading(_)) => {
                    let (id, title) = heading.take().unwrap_or_default();
                    contents.add_id(&id.map_or_else(|| id_of(&title), |id| id.to_string()));
                }
                Event::Start(Tag::CodeBlock(_)) => code = true,
                Event::End(TagEnd::CodeBlock) => code = false,
                Event::Start(Tag::Table(alignments)) => {
                    columns = alignments.len();
                    if columns > COLUMNS {
                        let fault = format!("a table of {columns} columns, expected {COLUMNS} at most");
                        contents.faults.push((line, fault));
                    }
                }
                Event::Start(Tag::TableHead | Tag::TableRow) => {
                    let cells = cells(text[range].lines().next().unwrap_or_default());
                    if cells != columns {
                        contents.faults.push((line, format!("{cells} cells, expected {columns} as above")));
                    }
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    contents.links.push((line, dest_url.to_string()));
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    let attributes = Attributes::of(&html);
                    attributes.ids.iter().for_each(|id| contents.add_id(id));
                    contents.links.extend(attributes.links.into_iter().map(|link| (line, link)));
                }
                Event::Text(words) => {
                    for (i, words) in words.lines().enumerate() {
                        contents.add_text(line + i, words, code);
                    }
                    if let Some((_, title)) = &mut heading {
                        title.push_str(&words);
                    }
                }
                Event::Code(words) => {
                    if let Some((_, title)) = &mut heading {
                        title.push_str(&words);
                    }
                }
                _ => {}
            }
        }
        contents
    }

    fn add_text(&mut self, line: usize, text: &str, code: bool) {
        let length = text.chars().count();
        if code && length > CHARACTERS {
            let fault = format!("a line of code of {length} characters, expected {CHARACTERS} at most");
            self.faults.push((line, fault));
        }
        if let Some(path) = text.trim().strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}")) {
            self.includes.push((line, path.trim().to_owned(), code));
        }
    }

    /// The second heading of a name gets `-1`, and so on.
    fn add_id(&mut self, id: &str) {
        let mut names = std::iter::once(id.to_owned()).chain((1..).map(|number| format!("{id}-{number}")));
        let free = names.find(|name| !self.ids.contains(name));
        self.ids.extend(free);
    }
}

/// The id that mdbook gives to a heading.
fn id_of(title: &str) -> String {
    let kept = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    };
    title.trim().to_lowercase().chars().filter_map(kept).collect()
}

/// Cells of a row of a table. A pipe ends a cell even in code, unless it is escaped.
fn cells(row: &str) -> usize {
    let row = row.trim().replace("\\|", "");
    let row = row.strip_prefix('|').unwrap_or(&row);
    row.strip_suffix('|').unwrap_or(row).split('|').count()
}

/// What tags say about the places in a page and its neighbours.
#[derive(Default)]
struct Attributes {
    ids: BTreeSet<String>,
    /// Of `href` and `src`.
    links: Vec<String>,
}

impl Attributes {
    /// Those of all tags in `html`; comments and the text of scripts have none.
    fn of(html: &str) -> Self {
        let mut attributes = Self::default();
        let mut rest = html;
        while let Some((_, tag)) = rest.split_once('<') {
            if let Some(comment) = tag.strip_prefix("!--") {
                rest = comment.split_once("-->").map_or("", |(_, behind)| behind);
                continue;
            }
            let (inside, behind) = tag.split_once('>').unwrap_or((tag, ""));
            for (name, value) in quoted(inside) {
                match name {
                    "id" => drop(attributes.ids.insert(value.to_owned())),
                    "href" | "src" => attributes.links.push(value.to_owned()),
                    _ => {}
                }
            }
            rest = match inside.starts_with("script") {
                true => behind.split_once("</script").map_or("", |(_, behind)| behind),
                false => behind,
            };
        }
        attributes
    }
}

/// Names and values of attributes in double quotes.
fn quoted(tag: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts: Vec<&str> = tag.split('"').collect();
    let pairs = (0..parts.len() / 2).map(move |i| (parts[2 * i], parts[2 * i + 1]));
    pairs.filter_map(|(before, value)| {
        Some((before.trim_end().strip_suffix('=')?.split_whitespace().next_back()?, value))
    })
}

/// Path and fragment of a link that is relative; a link to elsewhere has none.
fn relative(link: &str) -> Option<(&str, &str)> {
    if link.contains("://")
        || link.starts_with(['/'])
        || link.starts_with("mailto:")
        || link.starts_with("data:")
    {
        return None;
    }
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    Some((path.split_once('?').map_or(path, |(path, _)| path), fragment))
}

/// The file that `link` means in the file `from`.
fn resolve(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    if !link.is_empty() {
        parts.pop();
    }
    for part in link.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Everything that is wrong with `pages`, with file and line. `read` gives the text of a file, and nothing for a folder; none if there is
/// neither.
fn faults(pages: &[Page], read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let contents: BTreeMap<&str, Contents> =
        pages.iter().map(|page| (page.path.as_str(), Contents::of(&page.text))).collect();
    let mut faults = vec![];
    for (page, found) in &contents {
        let at = |line: usize, text: &str| format!("{page}:{line}: {text}");
        faults.extend(found.faults.iter().map(|(line, text)| at(*line, text)));
        for (line, link) in &found.links {
            let Some((path, fragment)) = relative(link) else { continue };
            let target = resolve(page, path);
            let inside = |path: &str| path.starts_with(&format!("{BOOK}/"));
            let ids = contents.get(target.as_str()).map(|there| &there.ids);
            let problem = match () {
                () if read(&target).is_none() => "no such file",
                () if inside(page) && !inside(&target) => "not in the book",
                // mdbook gives such a page another name, but not the links to it.
                () if inside(page) && target.ends_with("/README.md") => "expected index.md",
                () if !fragment.is_empty() && ids.is_some_and(|ids| !ids.contains(fragment)) => {
                    "no such heading"
                }
                () => continue,
            };
            faults.push(at(*line, &format!("{link}: {problem}")));
        }
        for (line, path, code) in &found.includes {
            let target = resolve(page, path);
            let Some(text) = read(&target) else {
                faults.push(at(*line, &format!("{path}: no such file")));
                continue;
            };
            let mut shown = Contents::default();
            text.lines().enumerate().for_each(|(i, text)| shown.add_text(i + 1, text, *code));
            faults.extend(shown.faults.iter().map(|(line, text)| format!("{target}:{line}: {text}")));
        }
    }
    faults.extend(unlisted(&contents));
    faults
}

/// Pages of the book that its summary does not have.
fn unlisted(contents: &BTreeMap<&str, Contents>) -> Vec<String> {
    let summary = format!("{BOOK}/SUMMARY.md");
    let Some(found) = contents.get(summary.as_str()) else { return vec![] };
    let listed: BTreeSet<String> = found.links.iter().map(|(_, link)| resolve(&summary, link)).collect();
    let pages = contents.keys().filter(|page| page.starts_with(BOOK) && ***page != *summary);
    pages.filter(|page| !listed.contains(**page)).map(|page| format!("{page}:1: not in {summary}")).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files below `folder` with this extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files(&path, extension),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}

#[test]
fn pages_are_narrow_and_their_links_lead_somewhere() {
    let mut paths = vec![root().join("README.md"), root().join("docs/decisions.md")];
    paths.extend(files(&root().join(BOOK), "md"));
    let page = |path: &PathBuf| Page {
        path: path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(),
        text: fs::read_to_string(path).unwrap(),
    };
    let pages: Vec<Page> = paths.iter().map(page).collect();
    let read = |path: &str| {
        let path = root().join(path);
        path.exists().then(|| fs::read_to_string(path).unwrap_or_default())
    };
    let faults = faults(&pages, &read);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Everything that is wrong with links of the HTML pages in `pages`, by path from the root of the book.
fn broken(pages: &BTreeMap<String, String>, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let pages: BTreeMap<&str, Attributes> =
        pages.iter().map(|(path, html)| (path.as_str(), Attributes::of(html))).collect();
    let mut faults = vec![];
    for (page, attributes) in &pages {
        for link in &attributes.links {
            let Some((path, fragment)) = relative(link) else { continue };
            let target = resolve(page, path);
            match pages.get(target.as_str()) {
                Some(there) if fragment.is_empty() || there.ids.contains(fragment) => {}
                Some(_) => faults.push(format!("{page}: {link}: no such id")),
                None if exists(&target) => {}
                None => faults.push(format!("{page}: {link}: no such file")),
            }
        }
    }
    faults
}

/// The browser's view: what `mdbook build docs` has made.
#[test]
#[ignore = "needs `mdbook build docs`"]
fn the_built_book_has_no_broken_link() {
    let book = root().join("target/book");
    let pages: BTreeMap<String, String> = files(&book, "html")
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&book).unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    assert!(pages.contains_key("introduction.html"), "{}: expected a book", book.display());
    let broken = broken(&pages, &|path| book.join(path).exists());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Names on the command line, and where they are listed.
#[test]
fn every_command_and_every_emulator_is_listed() {
    let help = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_emeuro")).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let page = fs::read_to_string(root().join(BOOK).join("command-line.md")).unwrap();
    let commands = help(&["--help"]);
    let commands = commands.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).unwrap();
    let commands: Vec<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"build"), "{commands:?}");
    for command in commands.into_iter().filter(|command| *command != "help") {
        assert!(page.contains(&format!("\n## {command}\n")), "command-line.md: no section on {command}");
        assert!(page.contains(&format!("(#{command}) |")), "command-line.md: {command} is not in the table");
    }
    for (name, _) in emeuro::apps::emulators() {
        assert!(page.contains(&format!("`{name}`")), "command-line.md: no {name}");
        assert!(help(&["build", "--help"]).contains(name), "build --help: no {name}");
    }
    for app in emeuro::apps::applications() {
        assert!(
            help(&["train", "app", "--help"]).contains(app.name()),
            "train app --help: no {}",
            app.name()
        );
    }
    // A screen each.
    for arguments in ["train -h", "train app -h", "train search -h", "train data -h", "train profile -h"] {
        let lines = help(&arguments.split(' ').collect::<Vec<_>>()).lines().count();
        assert!((8..=24).contains(&lines), "{arguments}: {lines} lines");
    }
    for scenario in emeuro::apps::scenarios() {
        assert!(help(&["adapt", "--help"]).contains(scenario.name), "adapt --help: no {}", scenario.name);
        assert!(page.contains(&format!("`{}`", scenario.name)), "command-line.md: no {}", scenario.name);
    }
}

/// The faults of one page beside a neighbour, a picture and a file of code.
fn faults_of(path: &str, text: &str) -> Vec<String> {
    let page = |path: &str, text: &str| Page { path: path.to_owned(), text: text.to_owned() };
    let mut pages = vec![page("docs/src/there.md", "# There\n\n## A `name`, twice\n\n## A name, twice\n")];
    pages.push(page(path, text));
    let read = |path: &str| match path {
        "docs/src/there.md" | "docs/src/here.md" | "docs/src/folder/here.md" | "README.md" => {
            Some(String::new())
        }
        "docs/src/folder/README.md" | "docs/src/picture.svg" | "examples" => Some(String::new()),
        "docs/wide.yaml" => Some(format!("short: 1\nlong: {}\n", "x".repeat(85))),
        _ => None,
    };
    faults(&pages, &read)
}

#[test]
fn tables_have_eight_columns_and_whole_rows() {
    let row = |columns: usize, cell: &str| format!("|{}\n", format!(" {cell} |").repeat(columns));
    let table = |columns: usize| row(columns, "x") + &row(columns, "---") + &row(columns, "1");
    assert_eq!(faults_of("docs/src/here.md", &table(8)), [""; 0]);
    assert_eq!(
        faults_of("docs/src/here.md", &format!("\n{}", table(9))),
        ["docs/src/here.md:2: a table of 9 columns, expected 8 at most"]
    );
    let short = "| a | b |\n| --- | --- |\n| 1 |\n| 1 | 2 | 3 |\n| `1 \\| 2` | 3 |\n";
    assert_eq!(
        faults_of("docs/src/here.md", short),
        [
            "docs/src/here.md:3: 1 cells, expected 2 as above",
            "docs/src/here.md:4: 3 cells, expected 2 as above"
        ]
    );
}

#[test]
fn lines_of_code_have_ninety_characters() {
    let fenced = |length: usize| format!("Words.\n\n```text\nshort\n{}\n```\n", "λ".repeat(length));
    assert_eq!(faults_of("README.md", &fenced(90)), [""; 0]);
    let fault = ["README.md:5: a line of code of 91 characters, expected 90 at most"];
    assert_eq!(faults_of("README.md", &fenced(91)), fault);
    let indented = format!("Words.\n\n    short\n\n    {}\n", "x".repeat(91));
    assert_eq!(faults_of("README.md", &indented), fault);
    let listed = format!("1. Words.\n\n   ```sh\n   short\n   {}\n   ```\n", "x".repeat(91));
    assert_eq!(faults_of("README.md", &listed), fault);
    // Words may be as long as they are.
    assert_eq!(faults_of("README.md", &"word ".repeat(100)), [""; 0]);
    let included = "```yaml\n{{#include ../wide.yaml}}\n```\n";
    assert_eq!(
        faults_of("docs/src/here.md", included),
        ["docs/wide.yaml:2: a line of code of 91 characters, expected 90 at most"]
    );
}

#[test]
fn links_lead_to_files_and_headings() {
    let good = "[a](there.md) [b](there.md#there) [c](#here) [d](https://example.com/x#y) [e](there.md#a-name-twice-1)\n\n\
                ## Here\n\n![p](picture.svg)\n";
    assert_eq!(faults_of("docs/src/here.md", good), [""; 0]);
    assert_eq!(faults_of("docs/src/folder/here.md", "[a](../there.md#there)\n"), [""; 0]);
    assert_eq!(faults_of("README.md", "[a](docs/src/there.md#there) [b](examples)\n"), [""; 0]);
    for (text, fault) in [
        ("\n[a](gone.md)\n", "2: gone.md: no such file"),
        ("[a](there.md#gone)\n", "1: there.md#gone: no such heading"),
        ("[a](there.md#a-name-twice-2)\n", "1: there.md#a-name-twice-2: no such heading"),
        ("# Here\n\n[a](#gone)\n", "3: #gone: no such heading"),
        ("![p](gone.svg)\n", "1: gone.svg: no such file"),
        ("<img src=\"gone.svg\">\n", "1: gone.svg: no such file"),
        ("[a][b]\n\n[b]: gone.md\n", "1: gone.md: no such file"),
        ("[a](../../README.md)\n", "1: ../../README.md: not in the book"),
        ("[a](folder/README.md)\n", "1: folder/README.md: expected index.md"),
        ("```yaml\n{{#include ../gone.yaml}}\n```\n", "2: ../gone.yaml: no such file"),
    ] {
        assert_eq!(faults_of("docs/src/here.md", text), [format!("docs/src/here.md:{fault}")], "{text}");
    }
}

#[test]
fn summary_and_pages_have_each_other() {
    assert_eq!(faults_of("docs/src/SUMMARY.md", "- [There](there.md)\n"), [""; 0]);
    assert_eq!(
        faults_of("docs/src/SUMMARY.md", "- [Gone](gone.md)\n"),
        ["docs/src/SUMMARY.md:1: gone.md: no such file", "docs/src/there.md:1: not in docs/src/SUMMARY.md"]
    );
}

#[test]
fn links_of_html_lead_to_files_and_ids() {
    let html = "<h1 id=\"x\">&lt;a href=\"no\"&gt;</h1><!-- <a href=\"no\"> --><script src=\"s.js\">'<a href=\"no\">'</script>";
    let broken_in = |more: &str| {
        let pages = BTreeMap::from([
            ("a.html".to_owned(), format!("{html}{more}")),
            ("f/b.html".to_owned(), "<p id=\"y\" class=\"z\">".to_owned()),
        ]);
        broken(&pages, &|path| path == "s.js")
    };
    let good = "<a class=\"z\" href=\"f/b.html#y\"><a href=\"#x\"><a href=\"https://x\"><base href=\"/\">";
    assert_eq!(broken_in(good), [""; 0]);
    assert_eq!(broken_in("<a href=\"b.html\">"), ["a.html: b.html: no such file"]);
    assert_eq!(broken_in("<a href=\"f/b.html#x\">"), ["a.html: f/b.html#x: no such id"]);
    assert_eq!(broken_in("<img src=\"p.svg\">"), ["a.html: p.svg: no such file"]);
    assert_eq!(broken_in("<a href=\"#y\">"), ["a.html: #y: no such id"]);
}
