/** What only the page of an account needs: part of the one stylesheet. */
export const ACCOUNT_STYLES = `.card:has(> .account) { max-width: 44rem; }
.account form { margin: 0; }
.account-head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: flex-start; gap: 1rem; }
.account section { margin-top: 2rem; }
.account h2 { margin: 0 0 0.625rem; font-size: 1.0625rem; font-weight: 650; color: var(--text); }
.account .inline-form { display: flex; align-items: flex-end; gap: 0.75rem; margin-bottom: 0.75rem; }
.inline-form .field { flex: 1; min-width: 0; }
.rows { border: 1px solid var(--edge); border-radius: 0.75rem; }
.rows li { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 0.875rem; padding: 0.75rem 0.875rem; }
.rows li + li { border-top: 1px solid var(--edge); }
.rows .grants { flex: 1 0 100%; padding-left: 0; border-top: 1px solid var(--edge); }
.rows .grants li { padding: 0.5rem 0 0.5rem 0.875rem; }
.rows .grants li:last-child { padding-bottom: 0; }
.row-text { flex: 1 1 9rem; min-width: 0; }
.row-name { font-weight: 600; }
.row-actions { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.rows .button, .more .button, .account-head .button { min-height: 2.25rem; padding: 0.25rem 0.875rem; font-size: 0.9375rem; }
.badge {
  display: inline-block;
  padding: 0 0.5rem;
  border: 1px solid var(--field-edge);
  border-radius: 1rem;
  color: var(--quiet);
  font-size: 0.8125rem;
  white-space: nowrap;
}
.badge.good { border-color: var(--accent); color: var(--accent-strong); }
.more { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-top: 0.75rem; }
.nothing { color: var(--quiet); }
.field + .buttons { margin-top: 1.5rem; }
.buttons a.button { text-align: center; }
`;
