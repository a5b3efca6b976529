//! The walkers of several lanes, pull-driven: each works in a future that is stored here and polled while somebody asks for
//! pages, so that nothing is spawned and a dropped question loses nothing. Decides nothing about cursors: `lanes` does.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::lanes::Course;
use super::walker::{Found, Query, Walker};
use crate::error::Result;
use crate::port::{Node, Paced};

type Work = Pin<Box<dyn Future<Output = (Walker, Result<Found>)> + Send>>;

/// A walker that has come back.
pub(super) struct Landed {
    pub(super) lane: usize,
    pub(super) walker: Walker,
    pub(super) result: Result<Found>,
}

pub(super) struct Crew {
    node: Node,
    query: Arc<Query>,
    pace: Option<(Paced, u32)>,
    /// The process that all of them walk.
    run_id: Option<Bytes>,
    may_restart: bool,
    idle: Vec<Walker>,
    busy: Vec<(usize, Work)>,
    landed: VecDeque<Landed>,
}

impl Crew {
    /// The process that all of them walk.
    pub(super) fn run_id(&self) -> Option<&Bytes> {
        self.run_id.as_ref()
    }

    /// As the first walker, who comes `back` later, one more for each right to a connection of its own.
    pub(super) fn new(first: &Walker, beside: Vec<OwnedSemaphorePermit>) -> Self {
        let pace = (first.pacing.as_ref()).map(|pacing| (pacing.paced.clone(), pacing.most));
        let mut crew = Self {
            node: first.node.clone(),
            query: Arc::clone(&first.query),
            pace,
            run_id: first.run_id.clone(),
            may_restart: first.may_restart,
            idle: Vec::new(),
            busy: Vec::new(),
            landed: VecDeque::new(),
        };
        for permit in beside {
            let mut walker = crew.another();
            walker.beside = Some(permit);
            crew.back(walker);
        }
        crew
    }

    fn another(&self) -> Walker {
        let mut walker = Walker::new(&self.node, &self.query, self.pace.as_ref());
        walker.run_id = self.run_id.clone();
        walker.may_restart = self.may_restart;
        walker
    }

    pub(super) fn len(&self) -> usize {
        self.idle.len() + self.busy.len() + self.landed.len()
    }

    /// Whether one command goes at a time.
    pub(super) fn is_bounded(&self) -> bool {
        (self.pace.as_ref()).is_some_and(|(paced, _)| paced.is_bounded())
    }

    /// A walker is free for another lane.
    pub(super) fn back(&mut self, mut walker: Walker) {
        walker.is_fresh = false;
        self.idle.push(walker);
    }

    /// A walker that failed is let go while there are others: the server may have no room for so many.
    pub(super) fn can_spare(&self, walker: &Walker) -> bool {
        walker.beside.is_some() && self.len() > 0
    }

    /// Gives lanes that nobody works on to walkers that have nothing to do; one at a time where one command goes at a time,
    /// since who waits for its turn and is not asked any more would keep others waiting.
    pub(super) fn assign(&mut self, course: &Course) {
        let is_bounded = self.is_bounded();
        for lane in 0..course.len() {
            if is_bounded && !self.busy.is_empty() {
                return;
            }
            let is_taken = self.busy.iter().any(|(busy, _)| *busy == lane)
                || self.landed.iter().any(|landed| landed.lane == lane);
            let (Some(cursor), false) = (course.cursor(lane), is_taken) else {
                continue;
            };
            let Some(mut walker) = self.idle.pop() else {
                if !self.busy.is_empty() || !self.landed.is_empty() {
                    return;
                }
                // All were let go of.
                let another = self.another();
                self.back(another);
                return self.assign(course);
            };
            walker.cursor = Bytes::from(cursor.to_string());
            walker.most = course.most(lane);
            let work = async move {
                let result = walker.fetch().await;
                (walker, result)
            };
            self.busy.push((lane, Box::pin(work)));
        }
    }

    /// The next walker that comes back. Cancel-safe. `None` where none is on its way.
    pub(super) async fn next(&mut self) -> Option<Landed> {
        poll_fn(|cx| {
            if self.landed.is_empty() {
                self.poll(cx);
            }
            match self.landed.pop_front() {
                Some(landed) => Poll::Ready(Some(landed)),
                None if self.busy.is_empty() => Poll::Ready(None),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Has everybody go as far as they can without waiting: what is to be sent goes on its way.
    pub(super) async fn set_off(&mut self) {
        poll_fn(|cx| {
            self.poll(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Waits until all have come back. Cancel-safe.
    pub(super) async fn land(&mut self) {
        poll_fn(|cx| {
            self.poll(cx);
            if self.busy.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Drops what is on its way.
    pub(super) fn let_go(&mut self) {
        self.busy.clear();
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        let mut at = 0;
        while let Some((lane, work)) = self.busy.get_mut(at) {
            match work.as_mut().poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready((walker, result)) => {
                    let lane = *lane;
                    // In order, so that who set off first is asked first.
                    drop(self.busy.remove(at));
                    self.landed.push_back(Landed {
                        lane,
                        walker,
                        result,
                    });
                }
            }
        }
    }
}
