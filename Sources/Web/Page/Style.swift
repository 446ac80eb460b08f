/// How the page looks: dark and light as the reader has it, from 320 pixels on.
enum Style {
    static let icon = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#0b7285" stroke-width="2.5" stroke-linecap="round">\
        <path d="M16 5v7M16 12L6 24M16 12v12M16 12l10 12"/><g fill="#0b7285" stroke="none"><circle cx="16" cy="5" r="4"/>\
        <circle cx="6" cy="26" r="4"/><circle cx="16" cy="26" r="4"/><circle cx="26" cy="26" r="4"/></g></svg>
        """

    static let text = #"""
        :root {
          --ground: #f7f8fa; --card: #fff; --ink: #1b2430; --soft: #5b6675; --line: #dde2e8; --accent: #0b7285; --area: #0b728522;
          --good: #1c7c3f; --off: #b3400f; --bad: #b3261e; --bad-ground: #fdecea; --warning-ground: #fff4dd; --warning: #7a4b00;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #10151b; --card: #18202a; --ink: #e4e9ef; --soft: #9aa7b5; --line: #2b3643; --accent: #4cc3d9; --area: #4cc3d933;
            --good: #58c583; --off: #f0925c; --bad: #ff9a91; --bad-ground: #3a1a18; --warning-ground: #352a12; --warning: #f2c66d;
          }
        }
        * { box-sizing: border-box; }
        html { font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: var(--ink); background: var(--ground); }
        body { margin: 0; font-variant-numeric: tabular-nums; }
        a { color: var(--accent); text-underline-offset: .2em; text-decoration-thickness: 1px; }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
        h1 { font-size: 1.5rem; margin: .4rem 0; overflow-wrap: anywhere; }
        h2 { font-size: 1.15rem; margin: 1.8rem 0 .5rem; }
        h3 { font-size: .95rem; margin: 1.1rem 0 .4rem; color: var(--soft); }
        small { color: var(--soft); font-size: .82em; }
        code, pre { font-family: ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", Menlo, monospace; font-size: .92em; }
        .skip { position: absolute; left: -100rem; padding: .4rem .8rem; background: var(--card); }
        .skip:focus { left: .5rem; top: .5rem; z-index: 2; }
        .away { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); margin: 0; }

        header { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: center; padding: .7rem clamp(.75rem, 3vw, 2rem);
          background: var(--card); border-bottom: 1px solid var(--line); }
        .brand { display: flex; gap: .55rem; align-items: center; font-weight: 650; color: var(--ink); text-decoration: none; }
        .brand svg { width: 1.7rem; height: 1.7rem; fill: var(--accent); stroke: var(--accent); stroke-width: 2.4; stroke-linecap: round; }
        .ask { display: flex; flex: 1 1 20rem; gap: .4rem; max-width: 46rem; margin-left: auto; min-width: 0; }
        input { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: 6px; padding: .38rem .6rem;
          min-width: 0; }
        .ask input { flex: 1; font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .88rem; }
        button { font: inherit; color: var(--card); background: var(--accent); border: 1px solid var(--accent); border-radius: 6px;
          padding: .38rem .8rem; cursor: pointer; }
        .quiet { color: var(--soft); background: none; border-color: var(--line); min-width: 5.6rem; }
        .quiet[aria-pressed="true"]::before { content: "●"; color: var(--good); margin-right: .35rem; font-size: .7em; vertical-align: .15em; }

        main { padding: .4rem clamp(.75rem, 3vw, 2rem) 2rem; max-width: 100rem; margin: 0 auto; }
        footer { padding: 1rem clamp(.75rem, 3vw, 2rem) 2rem; color: var(--soft); font-size: .85rem; max-width: 100rem; margin: 0 auto; }
        kbd { border: 1px solid var(--line); border-radius: 4px; padding: 0 .35em; background: var(--card); font: inherit; }
        .lead { color: var(--soft); margin: .9rem 0; overflow-wrap: anywhere; }
        .bad, .warning { padding: .6rem .8rem; border-radius: 6px; margin: .8rem 0 0; overflow-wrap: anywhere; }
        .bad { background: var(--bad-ground); color: var(--bad); }
        .warning { background: var(--warning-ground); color: var(--warning); }
        .bad small, .warning small { color: inherit; }
        .good { color: var(--good); }
        .off { color: var(--off); font-weight: 600; }

        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); gap: .8rem; }
        .tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .75rem .9rem; }
        .tile h2 { font-size: .82rem; font-weight: 500; color: var(--soft); margin: 0; }
        .figure { font-size: 1.55rem; font-weight: 620; margin: .1rem 0 .35rem; }
        .figure small { font-size: .8rem; font-weight: 400; }
        .note { margin: .3rem 0 0; font-size: .8rem; color: var(--off); }
        .chart { display: block; width: 100%; height: 3rem; }
        .chart polyline { fill: none; stroke: var(--accent); stroke-width: 1.5; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
        .chart polygon { fill: var(--area); }
        meter, progress { width: 100%; height: .8rem; accent-color: var(--accent); }
        progress { width: 6rem; vertical-align: middle; margin: 0 .4rem; }

        .filter { display: flex; flex-wrap: wrap; gap: .4rem .6rem; align-items: center; margin: .3rem 0 .7rem; color: var(--soft); }
        .filter input { background: var(--card); width: 18rem; max-width: 100%; }
        table { border-collapse: separate; border-spacing: 0; overflow: hidden; width: 100%; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
        th, td { padding: .42rem .7rem; text-align: right; border-top: 1px solid var(--line); vertical-align: middle; }
        thead th { border-top: 0; font-size: .8rem; font-weight: 550; color: var(--soft); white-space: nowrap; }
        thead a { color: inherit; text-decoration: none; }
        thead a:hover { text-decoration: underline; }
        [aria-sort] a { color: var(--accent); }
        [aria-sort="descending"] a::after { content: " ↓"; }
        th:first-child { text-align: left; font-weight: 550; overflow-wrap: anywhere; }
        th small { font-weight: 400; }
        .pair { display: inline-block; white-space: nowrap; margin-left: .6em; }
        td.words, .verdicts th:nth-child(2) { text-align: left; }
        td.words { color: var(--soft); }
        td.graph, th.graph { width: 9rem; }
        td .chart { height: 1.5rem; }
        .verdicts { table-layout: fixed; }
        .verdicts th:first-child { width: 15rem; }
        .verdicts th:nth-child(n+3), .verdicts td:nth-child(n+3) { width: 7rem; }
        .dropped code { color: var(--off); }
        .columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 0 1.4rem; align-items: start; }
        .columns th:last-child, .columns td:last-child { text-align: right; }
        .pages { display: flex; gap: 1rem; margin: .7rem 0; color: var(--soft); }
        pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; overflow-x: auto; line-height: 1.5; }
        li { margin: .3rem 0; overflow-wrap: anywhere; }

        /* Where a row has no room each one is a card, and says before a number what it is. */
        @media (max-width: 62rem) {
          .cards.wide thead, .cards.wide .away { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
          .cards.wide, .cards.wide tbody { display: block; border: 0; background: none; }
          .cards.wide tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .15rem .9rem; background: var(--card);
            border: 1px solid var(--line); border-radius: 8px; padding: .6rem .8rem; margin-bottom: .6rem; }
          .cards.wide th, .cards.wide td { display: block; border: 0; padding: 0; text-align: left; width: auto; }
          .cards.wide th[scope="row"], .cards.wide td.graph { grid-column: 1 / -1; }
          .cards.wide td[data-label]::before { content: attr(data-label); display: block; font-size: .74rem; color: var(--soft); }
          .cards.wide td.graph::before { content: none; }
          .pair { margin: 0 .6em 0 0; }
        }
        @media (max-width: 40rem) {
          .ask { flex-basis: 100%; margin: 0; order: 2; }
          #live { margin-left: auto; min-width: 0; padding: .2rem .6rem; }
          .figure { font-size: 1.35rem; }
          th, td { padding: .38rem .45rem; }
          .verdicts, .verdicts tbody { display: block; }
          .verdicts thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
          .verdicts tr { display: grid; grid-template-columns: 1fr 1fr; padding: .45rem .7rem; border-top: 1px solid var(--line); }
          .verdicts th:first-child, .verdicts td.words { grid-column: 1 / -1; }
          .verdicts th:first-child, .verdicts td, .verdicts td:nth-child(n+3) { border: 0; padding: 0; text-align: left; width: auto; }
          .verdicts td[data-label]::before { content: attr(data-label) " "; font-size: .78rem; color: var(--soft); }
        }

        """#
}
