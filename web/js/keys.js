/** Shortcuts: off in fields and when switched off; Escape never ends a call. */
const FIELDS = 'input, textarea, select, [contenteditable]'
const SPACE_PRESSES = 'button, summary, a, input, select, textarea'

/** `actions` by name: mute, stop, type, tab(n), filter, end, help, hold(down). `enabled()` and `ptt()` are asked each time. */
export function listen(actions, enabled, ptt) {
  const rows = {
    m: actions.mute, i: actions.stop, t: actions.type, '/': actions.filter, '?': actions.help, E: actions.end,
    1: () => actions.tab(0), 2: () => actions.tab(1), 3: () => actions.tab(2), 4: () => actions.tab(3),
  }
  addEventListener('keydown', (event) => {
    if (!enabled() || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return
    if (event.key === ' ' && ptt()) return space(event, true)
    if (event.target.closest?.(FIELDS) || !rows[event.key] || event.repeat) return
    event.preventDefault()
    rows[event.key]()
  })
  addEventListener('keyup', (event) => event.key === ' ' && ptt() && space(event, false))
  addEventListener('blur', () => actions.hold(false))

  function space(event, down) {
    if (event.target.closest?.(SPACE_PRESSES)) return
    event.preventDefault()
    if (!event.repeat) actions.hold(down)
  }
}
