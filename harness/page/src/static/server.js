// The page of a served board: actions go to the server as JSON, and news comes as server-sent events.
"use strict";

{
  const token = new URLSearchParams(location.search).get("token") || "";
  const address = (path, place, more = {}) => path + "?" + new URLSearchParams({ token, board: place, ...more });

  async function act(place, action) {
    let answer, told;
    try {
      answer = await fetch(address("act", place), {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(action),
      });
      told = await answer.json();
    } catch {
      throw new Error("The board does not answer.");
    }
    if (!answer.ok) throw new Error(told.error);
    return told;
  }

  function open(page) {
    if (!token) {
      page.gone("This address lacks the token of the run: open the one that espalier printed.", "no token");
      return;
    }
    const events = new EventSource("events?" + new URLSearchParams({ token }));
    events.addEventListener("hello", (event) => page.hello(JSON.parse(event.data)));
    events.addEventListener("board", (event) => page.board(JSON.parse(event.data)));
    events.addEventListener("gone", () => { events.close(); page.gone("The board has been shut down."); });
    events.addEventListener("error", () => page.gone("The board does not answer. This page connects again when it is back."));
  }

  show({ act, open, file: (path, place, more) => ({ href: address(path, place, more) }) });
}
