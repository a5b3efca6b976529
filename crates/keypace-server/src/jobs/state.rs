//! In which states a job is, and what brings it from one into another. Pure: no clock, no store, no randomness.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Nobody works on it yet, or at the moment.
    Waiting,
    /// Its holder works on it.
    Running,
    /// It goes on when somebody says so.
    Paused,
    /// A dry run that has ended: it can be confirmed.
    Planned,
    /// Somebody ended it.
    Cancelled,
    /// It can't go on; the reason says why.
    Failed,
    /// It ended with a part undone or not known.
    Incomplete,
    /// It ended whole.
    Done,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Running,
        Self::Paused,
        Self::Planned,
        Self::Cancelled,
        Self::Failed,
        Self::Incomplete,
        Self::Done,
    ];

    /// Whether it goes on by nobody's work. One that failed or stayed incomplete may be resumed all the same.
    #[must_use]
    pub fn is_ended(self) -> bool {
        match self {
            Self::Waiting | Self::Running | Self::Paused => false,
            Self::Planned | Self::Cancelled | Self::Failed | Self::Incomplete | Self::Done => true,
        }
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Planned => "planned",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Incomplete => "incomplete",
            Self::Done => "done",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a job's holder is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// Go on.
    Run,
    /// Settle what is under way, and stop.
    Pause,
    /// Settle what is under way, and end.
    Cancel,
}

impl Wanted {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Run, Self::Pause, Self::Cancel];

    /// As it is kept.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Pause => "pause",
            Self::Cancel => "cancel",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wanted| wanted.as_str() == name)
    }
}

/// How work came to its own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The dry run of a delete has counted.
    Planned,
    /// All was done.
    Done,
    /// A part was not done, or is not known.
    Incomplete,
    /// It can't go on.
    Failed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Planned, Self::Done, Self::Incomplete, Self::Failed];

    fn state(self) -> JobState {
        match self {
            Self::Planned => JobState::Planned,
            Self::Done => JobState::Done,
            Self::Incomplete => JobState::Incomplete,
            Self::Failed => JobState::Failed,
        }
    }
}

/// What happens to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A holder takes it.
    Claim,
    /// Its holder has not been heard of in time.
    Abandon,
    /// Somebody asks for a pause.
    Pause,
    /// Somebody asks for it to go on.
    Resume,
    /// Somebody asks for its end.
    Cancel,
    /// Its holder has settled what was under way and stopped, as it was asked to or because its process ends.
    Settle,
    /// Its holder has stopped, as it must not go on without somebody's word.
    Hold,
    /// Its holder has come to the end of the work.
    End(Outcome),
}

/// All that decides about a job's next state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standing {
    /// Where it stands.
    pub state: JobState,
    /// What its holder is asked to do; `Run` where it has none.
    pub wanted: Wanted,
    /// Whether there is a checkpoint to go on from.
    pub has_checkpoint: bool,
}

impl Standing {
    fn to(self, state: JobState) -> Self {
        Self {
            state,
            wanted: Wanted::Run,
            ..self
        }
    }

    fn wanting(self, wanted: Wanted) -> Self {
        Self { wanted, ..self }
    }

    /// Where it stands when its holder is gone from it.
    fn let_go(self) -> Self {
        match self.wanted {
            Wanted::Run => self.to(JobState::Waiting),
            Wanted::Pause => self.to(JobState::Paused),
            Wanted::Cancel => self.to(JobState::Cancelled),
        }
    }
}

/// What can't happen to a job in its state. `Display` says why and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Refused {
    standing: Standing,
    event: Event,
}

/// What becomes of a job. What changes nothing is allowed, so that an order may be given twice.
///
/// # Errors
/// `Refused` where it can't happen.
pub fn apply(standing: Standing, event: Event) -> Result<Standing, Refused> {
    use JobState::{Cancelled, Done, Failed, Incomplete, Paused, Planned, Running, Waiting};
    let refused = Err(Refused { standing, event });
    match (standing.state, event) {
        (Waiting, Event::Claim) => Ok(standing.to(Running)),
        (Waiting | Paused, Event::Pause) => Ok(standing.to(Paused)),
        (Waiting | Paused, Event::Resume) => Ok(standing.to(Waiting)),
        (Waiting | Paused | Cancelled, Event::Cancel) => Ok(standing.to(Cancelled)),

        // A holder is told, and settles before anything changes; a cancel is not taken back.
        (Running, Event::Pause | Event::Resume) if standing.wanted == Wanted::Cancel => refused,
        (Running, Event::Pause) => Ok(standing.wanting(Wanted::Pause)),
        (Running, Event::Resume) => Ok(standing.wanting(Wanted::Run)),
        (Running, Event::Cancel) => Ok(standing.wanting(Wanted::Cancel)),
        // What was wanted last decides, so that an order that the holder did not hear of is not lost.
        (Running, Event::Settle | Event::Abandon) => Ok(standing.let_go()),
        (Running, Event::Hold) if standing.wanted == Wanted::Cancel => Ok(standing.let_go()),
        (Running, Event::Hold) => Ok(standing.to(Paused)),
        (Running, Event::End(outcome)) => Ok(standing.to(outcome.state())),

        (Failed | Incomplete, Event::Resume) if standing.has_checkpoint => Ok(standing.to(Waiting)),

        (Running, Event::Claim) => refused,
        (Waiting | Paused, Event::Abandon | Event::Settle | Event::Hold | Event::End(_)) => refused,
        (Paused, Event::Claim) => refused,
        (Planned | Cancelled | Failed | Incomplete | Done, _) => refused,
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Standing { state, wanted, .. } = self.standing;
        match (state, self.event) {
            (JobState::Running, Event::Pause | Event::Resume) if wanted == Wanted::Cancel => {
                f.write_str("the job is being cancelled, which can't be taken back; start another")
            }
            (JobState::Failed | JobState::Incomplete, Event::Resume) => write!(
                f,
                "the job is {state} and has no checkpoint to go on from; start another"
            ),
            (_, Event::Pause | Event::Resume | Event::Cancel) => write!(
                f,
                "the job is {state}: that is its end, and it can't be {}; start another",
                match self.event {
                    Event::Pause => "paused",
                    Event::Cancel => "cancelled",
                    _ => "resumed",
                }
            ),
            (_, event) => write!(f, "a job that is {state} has no holder for {event:?}"),
        }
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::{Event, JobState, Outcome, Standing, Wanted, apply};

    /// What may happen, each with what becomes of it: `state` or `state/wanted`. All else is refused. `+` stands before a row
    /// that needs a checkpoint.
    const TABLE: &str = "
        waiting         claim running  pause paused   resume waiting  cancel cancelled
        paused          pause paused   resume waiting cancel cancelled
        cancelled       cancel cancelled
        +failed         resume waiting
        +incomplete     resume waiting
        running         pause running/pause  resume running  cancel running/cancel  settle waiting    abandon waiting    hold paused
        running/pause   pause running/pause  resume running  cancel running/cancel  settle paused     abandon paused     hold paused
        running/cancel  cancel running/cancel                                       settle cancelled  abandon cancelled  hold cancelled
        running         planned planned  done done  incomplete incomplete  failed failed
        running/pause   planned planned  done done  incomplete incomplete  failed failed
        running/cancel  planned planned  done done  incomplete incomplete  failed failed
    ";

    const EVENTS: [(&str, Event); 11] = [
        ("claim", Event::Claim),
        ("abandon", Event::Abandon),
        ("pause", Event::Pause),
        ("resume", Event::Resume),
        ("cancel", Event::Cancel),
        ("settle", Event::Settle),
        ("hold", Event::Hold),
        ("planned", Event::End(Outcome::Planned)),
        ("done", Event::End(Outcome::Done)),
        ("incomplete", Event::End(Outcome::Incomplete)),
        ("failed", Event::End(Outcome::Failed)),
    ];

    fn place(text: &str) -> (JobState, Wanted) {
        let (state, wanted) = text.split_once('/').unwrap_or((text, "run"));
        let state = JobState::from_name(state).expect("a state");
        (state, Wanted::from_name(wanted).expect("a wish"))
    }

    fn expected(standing: Standing, event: &str) -> Option<(JobState, Wanted)> {
        let own = |row: &&str| {
            let name = row.split_whitespace().next().unwrap_or_default();
            let with_checkpoint = name.starts_with('+');
            (!with_checkpoint || standing.has_checkpoint)
                && !name.is_empty()
                && place(name.trim_start_matches('+')) == (standing.state, standing.wanted)
        };
        TABLE.lines().filter(own).find_map(|row| {
            let words: Vec<_> = row.split_whitespace().skip(1).collect();
            let found = words.chunks(2).find(|pair| pair[0] == event);
            found.map(|pair| place(pair[1]))
        })
    }

    #[test]
    fn every_pair_of_state_and_event_is_as_the_table_says() {
        let mut walked = 0;
        for state in JobState::ALL {
            for wanted in Wanted::ALL {
                // Only a holder can be asked for something.
                if wanted != Wanted::Run && state != JobState::Running {
                    continue;
                }
                for has_checkpoint in [false, true] {
                    let standing = Standing {
                        state,
                        wanted,
                        has_checkpoint,
                    };
                    for (name, event) in EVENTS {
                        let became = apply(standing, event).ok();
                        let became = became.map(|next| (next.state, next.wanted));
                        assert_eq!(became, expected(standing, name), "{standing:?} {name}");
                        walked += 1;
                    }
                }
            }
        }
        assert_eq!(walked, (8 + 2) * 2 * 11);
    }

    #[test]
    fn whatever_is_refused_says_what_to_do() {
        for state in JobState::ALL {
            for (_, event) in EVENTS {
                let standing = Standing {
                    state,
                    wanted: Wanted::Run,
                    has_checkpoint: false,
                };
                let asked = matches!(event, Event::Pause | Event::Resume | Event::Cancel);
                if let (Err(refused), true) = (apply(standing, event), asked) {
                    let text = refused.to_string();
                    assert!(
                        text.contains(state.as_str()) && text.contains("start another"),
                        "{text}"
                    );
                }
            }
        }
    }
}
