import { ACCOUNT_STYLES } from "../account-styles.ts";

/**
 * The one stylesheet. A text in a module, not a file of its own, because a process is shipped as one bundled file. Names no
 * other resource: fonts are the system's, marks are drawn. Contrast is at least 4.5:1 in both colour schemes (WCAG 1.4.3).
 */
export const STYLESHEET = `:root {
  color-scheme: light dark;
  --ground: #f3f4f7;
  --glow: #e4e9fb;
  --card: #ffffff;
  --edge: #dfe2e9;
  --text: #171a21;
  --quiet: #585f6d;
  --accent: #3450c8;
  --accent-strong: #28409f;
  --on-accent: #ffffff;
  --tint: #eef1fd;
  --field: #ffffff;
  --field-edge: #868d9b;
  --bad: #a3231f;
  --bad-ground: #fdf0ef;
  --bad-edge: #e9b9b6;
  --shadow: 0 1px 2px rgb(23 26 33 / 6%), 0 12px 32px -12px rgb(23 26 33 / 18%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f1116;
    --glow: #171d33;
    --card: #181b22;
    --edge: #2b303b;
    --text: #eceef3;
    --quiet: #a3abba;
    --accent: #93a9ff;
    --accent-strong: #b3c2ff;
    --on-accent: #10142a;
    --tint: #20263c;
    --field: #11141a;
    --field-edge: #717a8b;
    --bad: #ffb0ab;
    --bad-ground: #331b1c;
    --bad-edge: #6b3536;
    --shadow: 0 1px 2px rgb(0 0 0 / 40%), 0 16px 40px -16px rgb(0 0 0 / 60%);
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0;
  color: var(--text);
  background: radial-gradient(60rem 30rem at 50% -12rem, var(--glow), transparent) no-repeat var(--ground);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  overflow-wrap: anywhere;
}
.page {
  display: flex;
  flex-direction: column;
  justify-content: center;
  align-items: center;
  gap: 1.5rem;
  min-height: 100vh;
  min-height: 100svh;
  padding: 2rem 1rem 4.5rem;
}
.brand { display: flex; align-items: center; gap: 0.625rem; max-width: 26rem; }
.brand-name { font-size: 1.125rem; font-weight: 650; letter-spacing: -0.01em; }
.mark, .client-mark, .choice-icon {
  display: grid;
  place-items: center;
  flex: none;
  font-weight: 700;
  line-height: 1;
  user-select: none;
}
.mark {
  width: 2rem;
  height: 2rem;
  border-radius: 0.5625rem;
  color: var(--on-accent);
  background: var(--accent);
}
.logo { display: block; max-width: 12rem; max-height: 3rem; }
.card {
  width: 100%;
  max-width: 26rem;
  padding: 2rem;
  border: 1px solid var(--edge);
  border-radius: 1rem;
  background: var(--card);
  box-shadow: var(--shadow);
}
h1 { margin: 0; font-size: 1.5rem; font-weight: 680; line-height: 1.25; letter-spacing: -0.02em; text-wrap: balance; }
h2 { margin: 1.5rem 0 0.75rem; font-size: 1rem; font-weight: 400; line-height: 1.5; color: var(--quiet); }
h2 b, h2 a { font-weight: 600; color: var(--text); }
p { margin: 0; }
small { display: block; font-size: 0.8125rem; line-height: 1.4; color: var(--quiet); }
code { font: 0.8125rem/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
.lead { margin-top: 0.25rem; color: var(--quiet); }
.name { font-weight: 600; color: var(--text); }
.note { margin-top: 1.5rem; color: var(--quiet); }
.message {
  margin-top: 1.25rem;
  padding: 0.75rem 0.875rem;
  border: 1px solid var(--bad-edge);
  border-radius: 0.625rem;
  color: var(--bad);
  background: var(--bad-ground);
  font-size: 0.9375rem;
}
.message.good { border-color: var(--accent); color: var(--text); background: var(--tint); }
a { color: var(--accent); text-underline-offset: 0.2em; }
a:hover { color: var(--accent-strong); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
form { margin-top: 1.5rem; }
.field + .field { margin-top: 1rem; }
label { display: block; margin-bottom: 0.375rem; font-size: 0.9375rem; font-weight: 550; }
.field input {
  display: block;
  width: 100%;
  min-height: 2.875rem;
  padding: 0.5rem 0.75rem;
  border: 1px solid var(--field-edge);
  border-radius: 0.625rem;
  color: inherit;
  background: var(--field);
  font: inherit;
}
.field input::placeholder { color: var(--quiet); opacity: 1; }
.copied { margin-top: 1.5rem; }
.device-code { margin-top: 1.25rem; padding: 0.75rem; border: 1px solid var(--edge); border-radius: 0.75rem; text-align: center; color: var(--quiet); }
.device-code b { display: block; color: var(--text); font-size: 1.5rem; }
.device-code b, .user-code input { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; letter-spacing: 0.1em; text-align: center; }
.device-code .binding-message { font-family: inherit; font-size: 1.125rem; letter-spacing: normal; }
.user-code input { text-transform: uppercase; font-size: 1.25rem; }
.copied input { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: 0.875rem; }
.field input:focus { border-color: var(--accent); outline: 3px solid var(--accent); outline-offset: -1px; }
.field input[aria-invalid="true"] { border-color: var(--bad); }
.button {
  display: inline-flex;
  justify-content: center;
  align-items: center;
  min-height: 2.875rem;
  padding: 0.5rem 1.25rem;
  border: 1px solid var(--field-edge);
  border-radius: 0.625rem;
  color: var(--text);
  background: transparent;
  font: inherit;
  font-weight: 600;
  text-decoration: none;
  cursor: pointer;
}
.button:hover { color: var(--text); background: var(--tint); }
.button.primary { border-color: var(--accent); color: var(--on-accent); background: var(--accent); }
.button.primary:hover { border-color: var(--accent-strong); background: var(--accent-strong); }
.wide .button, #login-form .button { width: 100%; margin-top: 1.5rem; }
.wide input[type="hidden"] + .button { margin-top: 0; }
.option { display: flex; align-items: baseline; gap: 0.625rem; margin-top: 1rem; }
.option input { width: 1.125rem; height: 1.125rem; margin: 0; transform: translateY(0.1875rem); accent-color: var(--accent); }
.option label { margin: 0; }
.option small { color: var(--quiet); font-weight: 400; }
.field .problem { color: var(--bad); }
.buttons { display: grid; grid-template-columns: 1fr 1fr; gap: 0.75rem; }
.aside { margin-top: 1.25rem; text-align: center; font-size: 0.9375rem; color: var(--quiet); }
.host { font-weight: 600; color: var(--text); }
ul { margin: 0; padding: 0; list-style: none; }
.or { display: flex; align-items: center; gap: 0.75rem; margin: 1.5rem 0 0; font-size: 0.9375rem; }
.or::before, .or::after { content: ""; flex: 1; border-top: 1px solid var(--edge); }
.or + .choices { margin-top: 1rem; }
.field small { margin-top: 0.375rem; }
.choices { display: grid; gap: 0.625rem; margin-top: 1.5rem; }
.choice {
  display: flex;
  align-items: center;
  gap: 0.75rem;
  min-height: 3.25rem;
  padding: 0.5rem 0.875rem 0.5rem 0.625rem;
  border: 1px solid var(--edge);
  border-radius: 0.75rem;
  color: var(--text);
  font-weight: 550;
  text-decoration: none;
}
a.choice:hover { border-color: var(--accent); color: var(--text); background: var(--tint); }
.choice-icon {
  width: 2rem;
  height: 2rem;
  border-radius: 0.5rem;
  color: var(--accent-strong);
  background: var(--tint);
  font-size: 0.9375rem;
}
.choice-text { flex: 1; min-width: 0; }
.choice.unavailable { border-style: dashed; color: var(--quiet); cursor: not-allowed; }
.unavailable .choice-icon { color: var(--quiet); }
.unavailable small { font-weight: 400; }
svg { fill: none; stroke: currentcolor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
.chevron { flex: none; width: 1rem; height: 1rem; color: var(--quiet); }
a.choice:hover .chevron { color: var(--accent); }
.client-mark {
  width: 3rem;
  height: 3rem;
  margin-bottom: 1rem;
  border-radius: 0.875rem;
  color: var(--accent-strong);
  background: var(--tint);
  font-size: 1.25rem;
}
.client-logo { display: block; max-width: 12rem; max-height: 4rem; margin-bottom: 1rem; border-radius: 0.5rem; }
.scopes { border: 1px solid var(--edge); border-radius: 0.75rem; }
.scopes li { display: flex; gap: 0.75rem; padding: 0.75rem 0.875rem; font-weight: 550; }
.scopes li + li { border-top: 1px solid var(--edge); }
.scopes li > span { min-width: 0; }
.scopes small, .scopes code { font-weight: 400; }
.scopes .detail { overflow-wrap: anywhere; }
.resource { margin: 1.25rem 0 0.625rem; font-size: 1rem; font-weight: 400; line-height: 1.5; color: var(--quiet); }
.resource bdi { font-weight: 600; color: var(--text); overflow-wrap: anywhere; }
.tick { flex: none; width: 1.125rem; height: 1.125rem; margin-top: 0.1875rem; color: var(--accent); stroke-width: 2; }
.warning { display: block; width: 2.5rem; height: 2.5rem; margin-bottom: 1rem; color: var(--bad); }
.explanation { margin: 0.5rem 0 1.5rem; color: var(--quiet); }
.request-id {
  margin-top: 1.5rem;
  padding-top: 1rem;
  border-top: 1px solid var(--edge);
  font-size: 0.8125rem;
  color: var(--quiet);
}
.request-id code { color: var(--text); }
${ACCOUNT_STYLES}@media (max-width: 30rem) {
  body { background: var(--card); }
  .page { justify-content: flex-start; align-items: stretch; gap: 2rem; padding: 1.5rem 1.25rem 2.5rem; }
  .card { padding: 0; border: 0; border-radius: 0; box-shadow: none; }
}
@media (forced-colors: active) {
  .button, .choice, .card, .field input, .mark { border: 1px solid; }
}
`;
