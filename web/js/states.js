/** Which state the page is in: one table from (state, event) to state, and the times after which a state ends by itself. Pure. */
export const STATES = [
  'idle', 'asking', 'connecting', 'ready-buffering', 'listening', 'hearing', 'thinking', 'speaking', 'interrupted', 'muted',
  'reconnecting', 'ended',
]
const LIVE = new Set(['ready-buffering', 'listening', 'hearing', 'thinking', 'speaking', 'interrupted', 'reconnecting'])

const INTERRUPTED_MS = 1200
const THINKING_AFTER_MS = 300

/** Each row: from which states (`live`: any of the call) an event leads where. */
const ROWS = {
  start: { from: ['idle', 'ended'], to: 'asking' },
  granted: { from: ['asking'], to: 'connecting' },
  connected: { from: ['connecting'], to: 'ready-buffering' },
  ready: { from: ['connecting', 'ready-buffering'], to: 'listening' },
  lost: { from: 'live', to: 'reconnecting' },
  found: { from: ['reconnecting'], to: 'listening' },
  voice: { from: 'live', to: 'hearing' },
  quiet: { from: ['hearing', 'interrupted'], to: 'listening', soon: 'thinking' },
  thinking: { from: ['listening', 'hearing', 'interrupted', 'ready-buffering'], to: null, soon: 'thinking' },
  speaking: { from: 'live', to: 'speaking' },
  interrupted: { from: 'live', to: 'interrupted' },
  silent: { from: ['speaking', 'thinking'], to: 'listening' },
  nothing: { from: ['thinking', 'listening', 'hearing'], to: 'listening' },
  failed: { from: ['asking', 'connecting'], to: 'idle' },
  ended: { from: 'all', to: 'ended' },
}

/** The state before anything happened. `soon` is a state that comes at `due` unless something else comes first. */
export const START = Object.freeze({ name: 'idle', since: 0, muted: false, soon: null, due: 0 })

/** Return the state after an event; the same object when the event means nothing here. */
export function next(state, event, now) {
  if (event === 'mute' || event === 'unmute') return { ...state, muted: event === 'mute' }
  const row = ROWS[event]
  if (row === undefined || !applies(row.from, state.name)) return state
  const soon = row.soon ? { soon: row.soon, due: now + THINKING_AFTER_MS } : { soon: null, due: 0 }
  if (row.to === null) return { ...state, ...soon }
  if (row.to === 'interrupted') return { ...state, name: row.to, since: now, soon: 'hearing', due: now + INTERRUPTED_MS }
  const since = row.to === state.name ? state.since : now
  return { ...state, name: row.to, since, ...soon }
}

/** Return the state when time has passed. */
export function tick(state, now) {
  if (state.soon === null || now < state.due) return state
  return { ...state, name: state.soon, since: now, soon: null, due: 0 }
}

/** The name to show: being muted hides what only concerns the microphone. */
export function shown(state) {
  return state.muted && ['listening', 'hearing', 'ready-buffering'].includes(state.name) ? 'muted' : state.name
}

/** Whether a call is up. */
export function live(state) {
  return LIVE.has(state.name)
}

/** Whether a call is up or coming up. */
export function busy(state) {
  return live(state) || state.name === 'asking' || state.name === 'connecting'
}

function applies(from, name) {
  if (from === 'all') return name !== 'idle' && name !== 'ended'
  return from === 'live' ? LIVE.has(name) : from.includes(name)
}
