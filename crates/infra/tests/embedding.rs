//! The example of embedding does what it says.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

#[path = "../examples/embed.rs"]
#[allow(dead_code, reason = "its main is the example's")]
mod embed;

#[test]
fn the_example_stores_a_file_and_reads_it_back_also_in_a_folder_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let read = embed::embed(&folder.path().join("data")).unwrap();
        assert_eq!(read, "hello.txt: Hello, store.");
    }
}
