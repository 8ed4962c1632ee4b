use kms_domain::PortErrorKind;
use kms_testkit::faults::{FailNth, FaultyScratchSpace, every_failure};
use kms_testkit::memory::MemoryScratchSpace;

use super::*;

fn over(space: &MemoryScratchSpace) -> Spool {
    failing(space, &FailNth::never())
}

fn failing(space: &MemoryScratchSpace, plan: &FailNth) -> Spool {
    let space: Arc<dyn ScratchSpace> =
        Arc::new(FaultyScratchSpace::new(Arc::new(space.clone()), plan));
    Spool::new(&space)
}

/// Writes three parts side by side, `turns` times: long lines, short ones, and one that begins with
/// a head and stays short.
fn three_parts(mut spool: Spool, turns: usize) -> Result<(Spooled, String), PortError> {
    let (mut long, mut short, mut head) = (Part::default(), Part::default(), Part::new("head"));
    let mut wanted = [String::new(), String::new(), "head".to_owned()];
    for turn in 0..turns {
        let lines = [format!("{turn:0>1000}"), format!("<{turn}>"), String::new()];
        for ((line, part), wanted) in lines
            .iter()
            .zip([&mut long, &mut short, &mut head])
            .zip(&mut wanted)
        {
            part.held.extend_from_slice(line.as_bytes());
            spool.settle(part)?;
            assert!(part.held.len() < HELD);
            wanted.push_str(line);
        }
    }
    Ok((spool.finish(vec![long, short, head])?, wanted.concat()))
}

/// All blocks of a long answer.
fn drain(spooled: Spooled) -> Result<(u64, Vec<Bytes>), PortError> {
    let Spooled::Long {
        length,
        first,
        mut rest,
    } = spooled
    else {
        panic!("a short answer");
    };
    let mut blocks = vec![first];
    while rest.pieces.len() > 0 {
        blocks.push(rest.read_block()?);
    }
    assert!(rest.read_block()?.is_empty());
    Ok((length, blocks))
}

#[test]
fn what_stays_short_leaves_as_one_text_without_a_scratch() {
    let space = MemoryScratchSpace::new();
    let (spooled, wanted) = three_parts(over(&space), 65).unwrap();
    let Spooled::Short(text) = spooled else {
        panic!("a long answer");
    };
    assert!(text == wanted.as_bytes());
    assert_eq!(space.scratches(), 0);
}

#[test]
fn a_part_moves_out_of_memory_exactly_when_it_is_long() {
    let space = MemoryScratchSpace::new();
    let mut spool = over(&space);
    let mut part = Part::new(vec![b'a'; HELD - 1]);
    spool.settle(&mut part).unwrap();
    assert_eq!((part.held.len(), space.scratches()), (HELD - 1, 0));
    part.held.push(b'b');
    spool.settle(&mut part).unwrap();
    assert_eq!((part.held.len(), space.scratches()), (0, 1));
    // Nothing is left to append.
    let (length, blocks) = drain(spool.finish(vec![part]).unwrap()).unwrap();
    assert_eq!(usize::try_from(length), Ok(HELD));
    assert_eq!(blocks.len(), 1);
    assert_eq!(space.scratches(), 0);
}

#[test]
fn a_long_answer_has_its_parts_behind_each_other_in_bounded_blocks() {
    let space = MemoryScratchSpace::new();
    for turns in [66, 67, 131, 132, 1_000, 20_000] {
        let (spooled, wanted) = three_parts(over(&space), turns).unwrap();
        assert_eq!(space.scratches(), 1);
        let (length, blocks) = drain(spooled).unwrap();
        assert_eq!(usize::try_from(length), Ok(wanted.len()));
        for block in &blocks {
            assert!(!block.is_empty() && block.len() < BLOCK + HELD + 1_000);
        }
        assert!(blocks.concat() == wanted.as_bytes(), "{turns} turns");
        assert_eq!(space.scratches(), 0);
    }
}

#[test]
fn a_full_disk_is_code_9_and_leaves_no_scratch() {
    let space = MemoryScratchSpace::new();
    let mut wanted = 0;
    let attempts = every_failure(PortErrorKind::StorageFull, |plan| {
        let answer =
            three_parts(failing(&space, plan), 200).and_then(|(spooled, _)| drain(spooled));
        match answer {
            Ok((_, blocks)) => wanted = blocks.concat().len(),
            Err(error) => assert_eq!(ApiError::from(error).code(), Code::StorageFull),
        }
        assert_eq!(space.scratches(), 0);
    });
    // One opening, three appended pieces while it is written and three at its end; six are read.
    assert_eq!((attempts, wanted), (1 + 6 + 6, 200_894));
}
