// Sets the colours before anything is painted: the person's choice, else what the system prefers.
// Runs as a plain script in the head, and must not touch anything but the root element's theme.
(() => {
  const kept = "keypace-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const read = () => {
    try { return localStorage.getItem(kept); } catch { return null; }
  };
  const apply = () => {
    const choice = read();
    const isDark = choice ? choice === "dark" : system.matches;
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    dispatchEvent(new CustomEvent("keypace-theme"));
  };
  addEventListener("keypace-theme-choice", (event) => {
    try { localStorage.setItem(kept, event.detail); } catch { /* a browser that keeps nothing forgets it with the tab */ }
    apply();
  });
  system.addEventListener("change", apply);
  apply();
})();
