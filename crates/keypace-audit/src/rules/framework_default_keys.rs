//! `framework-default-keys`: frameworks that send KEYS or walk the keyspace where the code only says *clear*.
//! Must not judge direct commands.

use super::scene::{Scene, Sink};
use crate::facts::{Call, CallId, Expr};
use crate::language::Language;
use crate::receiver::shape::Shape;
use crate::receiver::{Command, argument};
use crate::report::{Confidence, Severity};
use crate::rule::Rule;

pub(super) const RULE: Rule = Rule {
    id: "framework-default-keys",
    severity: Severity::High,
    title: "the framework walks the keyspace behind this call",
    why: "Spring's RedisCacheManager clears a cache by KEYS unless it is given BatchStrategies.scan; django-redis's cache.keys \
          and the store's of cache-manager are KEYS; Rails's delete_matched and Laravel's tags()->flush() walk every key that they might own. The cost grows \
          with the keyspace, and the code that pays it doesn't show it.",
    fix,
};

fn fix(language: Language) -> &'static str {
    match language {
        Language::Java | Language::Kotlin => {
            "build the writer with RedisCacheWriter.nonLockingRedisCacheWriter(factory, BatchStrategies.scan(500)) and hand it to the manager"
        }
        Language::Python => {
            "use cache.iter_keys(pattern, itersize=500), or a version number in the key prefix"
        }
        Language::Ruby => {
            "put a version into the key and let old entries expire, or delete known keys with delete_multi"
        }
        Language::Php => {
            "put a version into the key and let old entries expire, or delete known keys"
        }
        _ => "put a version into the key and let old entries expire",
    }
}

/// Django's cache, whose `keys` is this rule's and not `keys-command`'s.
pub(super) fn owns(scene: &Scene<'_>, command: &Command) -> bool {
    is_django(scene) && is_cache(scene, scene.call(command)) && !scene.origins.imports("redis")
}

pub(super) fn judge(scene: &Scene<'_>, sink: &mut Sink) {
    match scene.language {
        Language::Java | Language::Kotlin => spring(scene, sink),
        Language::Python => django(scene, sink),
        Language::Ruby => rails(scene, sink),
        Language::Php => laravel(scene, sink),
        Language::JavaScript | Language::TypeScript | Language::Tsx => node(scene, sink),
        _ => {}
    }
}

fn spring(scene: &Scene<'_>, sink: &mut Sink) {
    if scene.text.contains("BatchStrategies")
        || !scene.text.contains("RedisCacheManager") && !scene.text.contains("RedisCacheWriter")
    {
        return;
    }
    // A class of the project's own may have the same name.
    if !scene.origins.imports("org.springframework") {
        return;
    }
    let mut told = false;
    for call in &scene.facts.calls {
        let owner = match &call.receiver {
            Some(Expr::Path(path)) => path.last().map(String::as_str).unwrap_or_default(),
            _ => "",
        };
        let makes = (call.constructs && call.name == "RedisCacheManager")
            || (owner == "RedisCacheManager" && matches!(call.name.as_str(), "builder" | "create"))
            || (call.name == "RedisCacheManager" && scene.language == Language::Kotlin);
        let writes = owner == "RedisCacheWriter"
            && matches!(
                call.name.as_str(),
                "nonLockingRedisCacheWriter" | "lockingRedisCacheWriter"
            )
            && !scene.text.contains("RedisCacheManager.")
            && !scene.text.contains("RedisCacheManager(");
        if (makes || writes) && !told {
            told = true;
            let message =
                "this cache manager clears caches with KEYS: no BatchStrategies.scan is given"
                    .to_owned();
            sink.at(scene, &RULE, call, Confidence::High, RULE.severity, message);
        }
    }
}

fn is_django(scene: &Scene<'_>) -> bool {
    scene
        .facts
        .imports
        .iter()
        .any(|import| import.module.starts_with("django.core.cache"))
}

/// A name that one of Django's caches was given: `sessions = caches["sessions"]`.
fn is_named_cache(scene: &Scene<'_>, call: &Call) -> bool {
    let Some(Expr::Path(path)) = &call.receiver else {
        return false;
    };
    scene.facts.bindings.iter().any(|binding| {
        let cache = matches!(&binding.value, Expr::Index(inner, false)
            if matches!(inner.as_ref(), Expr::Path(own) if own.as_slice() == ["caches"]));
        let target = binding.targets.first().and_then(|target| target.last());
        cache && target == path.last()
    })
}

fn is_cache(scene: &Scene<'_>, call: &Call) -> bool {
    is_named_cache(scene, call) || is_django_cache(call) || is_typed_cache(scene, call)
}

/// A parameter or a name that is declared as a cache of Django's or django-redis's.
fn is_typed_cache(scene: &Scene<'_>, call: &Call) -> bool {
    let Some(Expr::Path(path)) = &call.receiver else {
        return false;
    };
    let is_cache = |declared: &str| {
        let mut words = declared.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        words.any(|word| matches!(word, "RedisCache" | "BaseCache"))
    };
    let around = std::iter::successors(call.function, |id| scene.facts.functions[id.0].parent);
    let params = around.flat_map(|id| &scene.facts.functions[id.0].params);
    let fields = scene.facts.classes.iter().flat_map(|class| &class.fields);
    let mut typed = params
        .chain(fields)
        .filter(|own| path.last() == Some(&own.name));
    let mut bound = scene.origins.bindings_of(path).iter();
    typed.any(|own| own.declared.as_deref().is_some_and(is_cache))
        || bound.any(|own| own.declared.as_deref().is_some_and(is_cache))
}

fn is_django_cache(call: &Call) -> bool {
    matches!(&call.receiver, Some(Expr::Path(path)) if path.first().is_some_and(|first| first == "cache" || first == "caches"))
        || matches!(&call.receiver, Some(Expr::Index(inner, _)) if matches!(inner.as_ref(), Expr::Path(path) if path.last().is_some_and(|last| last == "caches")))
}

fn django(scene: &Scene<'_>, sink: &mut Sink) {
    if !is_django(scene) {
        return;
    }
    for call in &scene.facts.calls {
        if call.name == "keys" && !call.args.is_empty() && is_cache(scene, call) {
            let message = "django-redis's cache.keys sends KEYS".to_owned();
            sink.at(scene, &RULE, call, Confidence::High, RULE.severity, message);
        }
    }
}

fn rails(scene: &Scene<'_>, sink: &mut Sink) {
    for call in &scene.facts.calls {
        if call.name != "delete_matched" || call.args.is_empty() {
            continue;
        }
        let cache = match &call.receiver {
            Some(Expr::Path(path)) => path.last().is_some_and(|last| {
                let lower = last.to_ascii_lowercase();
                lower.contains("cache") || lower.ends_with("store")
            }),
            Some(receiver) => scene
                .origins
                .known(receiver, call.function, call.class)
                .is_some_and(|known| known.shape == Shape::Cache),
            None => false,
        };
        if cache {
            let confidence = if scene.origins.speaks {
                Confidence::High
            } else {
                Confidence::Medium
            };
            let message = "delete_matched walks every key of the cache".to_owned();
            sink.at(scene, &RULE, call, confidence, Severity::Medium, message);
        }
    }
}

/// cache-manager's stores: those on Redis take a pattern and send KEYS, the one in memory takes none.
fn node(scene: &Scene<'_>, sink: &mut Sink) {
    let mut modules = scene.facts.imports.iter().map(|import| &import.module);
    if !modules.any(|module| module.contains("cache-manager")) {
        return;
    }
    let is_store =
        |path: &[String]| path.len() > 1 && path.last().is_some_and(|last| last == "store");
    for call in &scene.facts.calls {
        let pattern = call.args.first().is_some_and(argument::is_pattern_like);
        let stored = matches!(&call.receiver, Some(Expr::Path(path)) if is_store(path));
        if call.name == "keys" && pattern && stored {
            let message = "the store's keys sends KEYS".to_owned();
            sink.at(scene, &RULE, call, Confidence::High, RULE.severity, message);
        }
    }
}

/// The call that a flush is made on, also by a name that it was given.
fn tagged(scene: &Scene<'_>, flush: &Call) -> Option<CallId> {
    let by_name = |path: &Vec<String>| {
        scene
            .facts
            .bindings
            .iter()
            .find_map(|binding| match &binding.value {
                Expr::Call(id) if binding.targets.first() == Some(path) => Some(*id),
                _ => None,
            })
    };
    match flush.receiver.as_ref()? {
        Expr::Call(id) => Some(*id),
        Expr::Path(path) => by_name(path),
        _ => None,
    }
}

fn laravel(scene: &Scene<'_>, sink: &mut Sink) {
    for call in scene.facts.calls.iter().filter(|call| call.name == "flush") {
        let Some(tags) = tagged(scene, call) else {
            continue;
        };
        let tags = &scene.facts.calls[tags.0];
        if tags.name == "tags" {
            let message = "flushing a tag reads and deletes every key that has it".to_owned();
            sink.at(
                scene,
                &RULE,
                call,
                Confidence::Medium,
                Severity::Medium,
                message,
            );
        }
    }
}
