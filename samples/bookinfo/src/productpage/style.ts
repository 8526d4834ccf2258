/** In the page itself: the gateway of the tutorials routes `/productpage` and little else. */
export const style = `
:root { --ink: #1b1f2a; --soft: #5d6575; --line: #e6e3dc; --paper: #faf8f4; --card: #fff; --accent: #2f5bd7; --bad: #b42318 }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
a { color: var(--accent); text-underline-offset: 3px }
.wrap { max-width: 1040px; margin: 0 auto; padding: 0 24px }
header { background: var(--card); border-bottom: 1px solid var(--line) }
header .wrap { display: flex; align-items: center; justify-content: space-between; min-height: 64px }
.brand { display: flex; align-items: center; gap: 10px; font-weight: 700; font-size: 18px; color: inherit; text-decoration: none }
.who { display: flex; align-items: center; gap: 12px; color: var(--soft); font-size: 15px }
.avatar { display: grid; place-items: center; width: 36px; height: 36px; border-radius: 50%; background: #e4eaff; color: var(--accent); font-weight: 700; text-transform: uppercase }
button { font: inherit; font-weight: 600; border: 0; border-radius: 8px; padding: 9px 18px; background: var(--accent); color: #fff; cursor: pointer }
button:hover { background: #2449b4 }
button.plain { background: none; color: var(--soft); padding: 9px 12px }
.hero { display: grid; grid-template-columns: 200px 1fr; gap: 48px; align-items: center; padding: 56px 0 48px }
.cover { width: 200px; border-radius: 6px 10px 10px 6px; box-shadow: 0 18px 40px -14px rgba(27, 31, 42, .45) }
h1 { font: 700 46px/1.1 Georgia, "Times New Roman", "DejaVu Serif", serif; margin: 0 0 14px; letter-spacing: -.5px }
.lead { font-size: 18px; color: var(--soft); margin: 0 }
.lead b { color: var(--ink) }
h2 { font-size: 22px; margin: 0 0 16px }
.panel { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 28px 32px; margin-bottom: 28px }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 20px; margin: 0 }
dt { font-size: 13px; color: var(--soft) }
dd { margin: 2px 0 0; font-weight: 600; text-transform: none }
.reviews { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 24px }
.review { border: 1px solid var(--line); border-radius: 12px; padding: 22px 24px; display: flex; flex-direction: column; gap: 14px }
.review blockquote { margin: 0; font: 18px/1.5 Georgia, "Times New Roman", "DejaVu Serif", serif }
.review footer { display: flex; align-items: center; gap: 12px; margin-top: auto; font-weight: 600 }
.stars { display: flex; gap: 3px; line-height: 0 }
.stars svg { width: 24px; height: 24px }
.red { color: #e02d3c }
.black { color: #16181d }
.none { color: var(--soft); font-size: 14px }
.served { margin: 20px 0 0; font-size: 14px; color: var(--soft) }
code { font: 13px/1.4 ui-monospace, "DejaVu Sans Mono", monospace; background: #f1efe9; padding: 2px 6px; border-radius: 5px }
.bad { color: var(--bad); font-weight: 600; margin: 0 }
.bad + p { color: var(--soft); margin: 4px 0 0 }
dialog { border: 0; border-radius: 16px; padding: 32px; width: min(92vw, 380px); box-shadow: 0 30px 80px rgba(0, 0, 0, .3) }
dialog::backdrop { background: rgba(27, 31, 42, .5) }
dialog label { display: block; font-size: 14px; font-weight: 600; margin: 14px 0 4px }
dialog input { width: 100%; font: inherit; padding: 9px 12px; border: 1px solid #c9c6be; border-radius: 8px }
dialog .row { display: flex; justify-content: flex-end; gap: 8px; margin-top: 22px }
.hint { font-size: 14px; color: var(--soft); margin: 4px 0 0 }
@media (max-width: 640px) { .hero { grid-template-columns: 1fr; gap: 24px; padding-top: 32px } .cover { width: 150px } h1 { font-size: 36px } .panel { padding: 22px 20px } }
`;
