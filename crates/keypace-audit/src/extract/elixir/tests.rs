//! What is read of Elixir.
//! Must not know Redis.

use crate::extract::sketch::{bindings, calls, classes, functions, imports, loops};
use crate::language::Language::Elixir;

#[test]
fn aliases_imports_and_uses() {
    let text = "\
defmodule App.Cache do
  use GenServer
  alias Redix, as: R
  alias App.{Store, Pool}
  alias App.Redis.Client
  import Redix, only: [command: 2]
  require Logger
end
";
    assert_eq!(
        imports(Elixir, text),
        [
            "GenServer",
            "Redix: *=R",
            "App.Store: *=Store",
            "App.Pool: *=Pool",
            "App.Redis.Client: *=Client",
            "Redix: command=command",
            "Logger",
        ]
    );
    assert_eq!(classes(Elixir, text), ["App.Cache(GenServer)"]);
}

#[test]
fn definitions_are_functions_and_their_heads_are_no_calls() {
    let text = r#"
defmodule App.Cache do
  @moduledoc "Redix.command(conn, [\"KEYS\", \"*\"])"
  @pool :redix
  @spec keys(pid, binary) :: list
  def keys(conn, %{prefix: prefix} = opts, [first | _]) when is_binary(prefix), do: Redix.command!(conn, ["KEYS", prefix])
  defp flush(conn \\ @pool) do
    :eredis.q(conn, ["FLUSHDB"])
  end
  test "reads", %{conn: conn} do
    Redix.command(conn, ~w(KEYS user:#{id}:*))
  end
end
"#;
    assert_eq!(
        functions(Elixir, text),
        [
            "keys(conn, opts, first, prefix) of App.Cache",
            "flush(conn) of App.Cache",
            "reads(conn) #test of App.Cache",
        ]
    );
    assert_eq!(
        calls(Elixir, text),
        [
            "Redix.command(conn, [\"KEYS\", prefix]) -> returned in keys",
            "is_binary(prefix) -> other in keys",
            "eredis.q(conn, [\"FLUSHDB\"]) -> returned in flush",
            "Redix.command(conn, [\"KEYS\", \"user:{}:*\"]) -> other in reads",
        ]
    );
}

#[test]
fn pipes_and_matches_say_where_a_result_goes() {
    let text = r#"
def all(conn, state) do
  {:ok, keys} = Redix.command(conn, ["KEYS", "a" <> b])
  conn |> Redix.command!(["DEL" | keys]) |> IO.inspect()
  Redix.command(state.conn, ["UNLINK"] ++ keys)
  with {:ok, [cursor, page]} <- Redix.command(conn, ["SCAN", 0]), do: page
  case Redix.command(conn, ["SCAN", cursor]) do
    {:ok, ["0", keys]} -> acc ++ keys
    {:ok, [next, keys]} -> rest(next, keys)
    {:error, error} -> raise error
  end
end
"#;
    assert_eq!(
        calls(Elixir, text),
        [
            "Redix.command(conn, [\"KEYS\", \"a{}\"]) -> bound keys in all",
            "Redix.command(conn, [\"DEL\", *keys]) -> argument of inspect in all",
            "IO.inspect(command()) -> discarded in all",
            "Redix.command(state.conn, [\"UNLINK\", *keys]) -> discarded in all",
            "Redix.command(conn, [\"SCAN\", 0]) -> bound cursor, page in all",
            "Redix.command(conn, [\"SCAN\", cursor]) -> bound next, keys in all",
            "rest(next, keys) -> returned in all",
            "raise(error) -> returned in all",
        ]
    );
    assert_eq!(
        bindings(Elixir, text),
        [
            "keys = command()",
            "cursor, page = command()",
            ", keys = command()",
            "next, keys = command()",
            "error = command()",
        ]
    );
}

#[test]
fn comprehensions_and_functions_over_collections_are_loops() {
    let text = r#"
for key <- keys, key != "x", do: Redix.command!(conn, ["GET", key])
Enum.each(keys, fn key -> Redix.command(conn, ["GET", key]) end)
keys |> Enum.map(&Redix.command!(conn, ["GET", &1]))
Enum.map keys, fn {key, _} ->
  Redix.command(conn, ["GET", key])
end
"#;
    assert_eq!(
        loops(Elixir, text),
        [
            "gather each key of keys",
            "callback key of keys by each",
            "callback &1 of keys by map",
            "callback key of keys by map",
        ]
    );
    assert_eq!(
        calls(Elixir, text)[..2],
        [
            "Redix.command(conn, [\"GET\", key]) -> other @0",
            "Redix.command(conn, [\"GET\", key]) -> returned in  @1",
        ]
    );
}

#[test]
fn a_function_that_calls_itself_is_a_loop() {
    let text = r#"
defmodule App.Walk do
  def all(conn, "0", acc), do: acc
  def all(conn, cursor, acc) do
    {:ok, [next, keys]} = Redix.command(:redix, ["SCAN", cursor])
    Enum.each(keys, fn key -> Redix.command(conn, ["DEL", key]) end)
    all(conn, next, acc ++ keys)
  end
end
"#;
    assert_eq!(
        calls(Elixir, text),
        [
            "Redix.command(redix, [\"SCAN\", cursor]) -> bound next, keys in all @1",
            "Redix.command(conn, [\"DEL\", key]) -> returned in  @1 @0",
            "Enum.each(keys, fn) -> discarded in all @1",
            "all(conn, next, [*acc, *keys]) -> returned in all @1",
        ]
    );
    assert_eq!(
        bindings(Elixir, text),
        [
            "next, keys = command()",
            "cursor = next",
            "acc = [*acc, *keys]"
        ]
    );
}
