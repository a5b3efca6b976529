//! What declared types and base classes say of a value.
//! Must not follow values.

use super::Origins;
use super::named::type_of_file;
use crate::facts::ClassId;
use crate::language::Language;
use crate::receiver::clients::{self, Telling};
use crate::receiver::dialect;
use crate::receiver::modules;
use crate::receiver::shape::{Known, Shape, Sure, client_of, has_data_ending, is_cluster};

impl Origins<'_> {
    /// `self` where the class, or one that it extends, is a client.
    pub(super) fn of_self(&self, class: Option<ClassId>) -> Option<Known> {
        let bases = &self.facts.classes.get(class?.0)?.bases;
        let known = bases.iter().find_map(|base| {
            self.of_type(base)
                .filter(|known| known.sure == Sure::Resolved)
        })?;
        Some(Known {
            shape: client_of(known.shape),
            ..known
        })
    }

    /// What a declared type says: `Optional[Redis]`, `*redis.Client`, `Arc<Mutex<redis::Client>>`.
    pub(crate) fn of_type(&self, declared: &str) -> Option<Known> {
        let language = self.facts.language;
        let tokens =
            declared.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '\\')));
        for token in tokens.filter(|token| !token.is_empty()) {
            let parts: Vec<&str> = token
                .split(['.', ':', '\\'])
                .filter(|part| !part.is_empty())
                .collect();
            let Some((&last, before)) = parts.split_last() else {
                continue;
            };
            let imported = self
                .names
                .get(&(None, last.to_owned()))
                .is_some_and(|known| known.shape == Shape::Module);
            let qualified = before.iter().any(|part| {
                self.names
                    .get(&(None, (*part).to_owned()))
                    .is_some_and(|known| known.shape == Shape::Module)
            });
            // `fred::clients::RedisClient`, `redis.clients.jedis.Jedis`: nothing has to be brought in.
            let whole = !before.is_empty()
                && !matches!(language, Language::Go | Language::Php)
                && modules::is_library(language, token.trim_start_matches(':'));
            let qualified = qualified || whole;
            let library = (self.library || whole)
                && (before.is_empty() || qualified)
                && clients::is_library_type(language, last);
            let known_type = clients::is_known_type(language, last)
                || (language == Language::Php
                    && (token.trim_start_matches('\\') == "Redis" || token.contains("Predis")));
            let client_like = clients::is_library_type(language, last) || !has_data_ending(last);
            let mut bases = self
                .classes_named(last)
                .iter()
                .flat_map(|class| &class.bases);
            let extends = bases.any(|base| base != last && self.is_client_base(base));
            if known_type
                || extends
                || library
                || ((imported || qualified) && client_like)
                || (language == Language::Go && self.is_interface_of_library(last))
            {
                let shape = match last {
                    "IServer" => Shape::Server,
                    _ if clients::is_queue_type(last) => Shape::Pipeline,
                    _ => Shape::Client,
                };
                return Some(Known {
                    sure: Sure::Resolved,
                    shape,
                    cluster: is_cluster(last),
                });
            }
            let is_class = last.starts_with(|c: char| c.is_uppercase() || c == '_');
            let told = clients::telling(last).filter(|told| is_class && *told > Telling::Weak);
            let part = is_part_of_wrapper(language, before).then_some(Telling::Own);
            if let Some(told) = part.or(told) {
                let sure = if told == Telling::Own {
                    Sure::Own
                } else {
                    Sure::Named
                };
                return Some(Known {
                    sure,
                    shape: Shape::Client,
                    cluster: is_cluster(last),
                });
            }
        }
        None
    }

    /// Go's `type Client interface { Get(...) *redis.StringCmd }`: what gives a library's commands is a client of it.
    fn is_interface_of_library(&self, name: &str) -> bool {
        let mut modules = self.named.interfaces.get(name).into_iter().flatten();
        modules.any(|module| {
            let known = self.names.get(&(None, (*module).to_owned()));
            known.is_some_and(|known| known.shape == Shape::Module)
        })
    }

    /// Whether the file has given a type a method, in Go.
    pub(crate) fn is_method_of(&self, declared: &str, method: &str) -> bool {
        type_of_file(declared).is_some_and(|class| {
            self.named.methods.contains(&(method, class)) && !self.classes_named(class).is_empty()
        })
    }

    /// Whether a class's base is a library's client.
    pub(super) fn is_client_base(&self, base: &str) -> bool {
        let parts: Vec<&str> = base
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|part| !part.is_empty())
            .collect();
        let Some((last, before)) = parts.split_last() else {
            return false;
        };
        clients::is_known_type(self.facts.language, last)
            || self.library
                && clients::is_library_type(self.facts.language, last)
                && before.iter().chain([last]).any(|part| {
                    self.names
                        .get(&(None, (*part).to_owned()))
                        .is_some_and(|known| known.shape == Shape::Module)
                })
    }
}

/// `JedisUtil.Keys`: a part of what the tree has around a client.
fn is_part_of_wrapper(language: Language, before: &[&str]) -> bool {
    let around = before.last().filter(|_| dialect::is_jvm(language));
    around.is_some_and(|part| clients::telling(part) == Some(Telling::Own))
}
