/**
 * What was said: rows and turns, made from the contract's events and the extension's. Pure: events and call time in
 * milliseconds in, changed rows out; the page draws them.
 *
 * A row: { id, kind: user | agent | tool | note, at, text, partial, written, heard, unheard, cut, continued, tool, turn }.
 * A turn: { n, item, response, stages, total, ear, estimate, differs, interruption }.
 */
export class Conversation {
  constructor() {
    this.rows = []
    this.turns = []
    this.byId = new Map()
    this.responses = new Map()
    this.onset = null
  }

  /** Take a server event of either channel; returns the rows that changed. */
  take(message, at, toCall = () => null) {
    const row = READERS[message.type]
    return row ? [row(this, message, at, toCall)].flat().filter(Boolean) : []
  }

  /** A tool that the page ran has its result. */
  toolDone(callId, output, ok, at) {
    const row = this.rows.find((one) => one.tool?.call_id === callId)
    if (row === undefined) return []
    Object.assign(row.tool, { output, status: ok ? 'ok' : 'failed', ms: Math.round(at - row.at) })
    return [row]
  }

  /** What a person typed. */
  typed(id, text, at) {
    return [this.row(id, 'user', at, { text, kindOf: 'typed' })]
  }

  /** The browser heard the answer `ear` ms after the microphone's last loud sample. */
  earMeasured(ear, response, estimate) {
    const turn = this.turnOf(response)
    if (turn === undefined || turn.ear !== null) return null
    Object.assign(turn, { ear, estimate })
    compare(turn)
    return turn
  }

  /** Nothing more comes: what was not finished stays as it is. Returns those rows. */
  close() {
    return this.rows.filter((row) => row.partial).map((row) => Object.assign(row, { partial: false, final: true }))
  }

  /** The rows and turns of a call that was saved. */
  restore({ rows, turns }) {
    this.rows = rows
    this.turns = turns
    this.byId = new Map(rows.map((row) => [row.id, row]))
  }

  row(id, kind, at, more = {}) {
    const found = this.byId.get(id)
    if (found) return Object.assign(found, more)
    const row = { id, kind, at, text: '', partial: false, written: '', heard: '', unheard: '', cut: null, continued: false,
      tool: null, turn: null, ...more }
    this.byId.set(id, row)
    this.rows.push(row)
    return row
  }

  remove(row) {
    this.byId.delete(row.id)
    this.rows = this.rows.filter((one) => one !== row)
    return { ...row, removed: true }
  }

  /** The turn of a response, made when it is first spoken of. */
  turn(response, item) {
    const found = this.turnOf(response)
    if (found) return Object.assign(found, item ? { item } : {})
    const turn = { n: this.turns.length + 1, item: item ?? null, response, stages: [], total: null, ear: null, estimate: 0,
      differs: false, interruption: null }
    this.turns.push(turn)
    return turn
  }

  turnOf(response) {
    return this.turns.find((turn) => turn.response === response)
  }

  agentRow(message, at) {
    const row = this.row(message.item_id, 'agent', at)
    row.response = message.response_id ?? row.response
    return row
  }
}

const FLAG_MS = 150

function compare(turn) {
  if (turn.ear === null || turn.total === null) return
  turn.differs = Math.abs(turn.ear - turn.total - turn.estimate) > FLAG_MS
}

/** How many words a text has. */
export function words(text) {
  return (text.match(/[\p{L}\p{N}][\p{L}\p{N}'’.,:-]*/gu) ?? []).length
}

const READERS = {
  'input_audio_buffer.speech_started': (all, event, at) => {
    all.onset = at
    return all.row(event.item_id, 'user', at, { partial: true })
  },
  'input_audio_buffer.committed': (all, event, at) => all.row(event.item_id, 'user', all.onset ?? at, {}),
  'transcript.partial': (all, event, at) => partial(all, event.item_id, event.text, at),
  'conversation.item.input_audio_transcription.completed': (all, event, at) => final(all, event.item_id, event.transcript, at),
  'conversation.item.input_audio_transcription.failed': (all, event, at) => all.row(event.item_id, 'user', at, { partial: false, failed: true }),
  'response.created': (all, event) => {
    all.responses.set(event.response.id, { at: null })
    return []
  },
  'response.output_audio_transcript.delta': written,
  'response.output_text.delta': (all, event, at) => {
    const row = written(all, event, at)
    row.heard = row.written
    return row
  },
  'response.output_audio_transcript.done': (all, event, at) => Object.assign(all.agentRow(event, at), { written: event.transcript }),
  'response.output_item.done': (all, event, at) => (event.item?.type === 'function_call' ? toolCalled(all, event, at) : []),
  'conversation.item.retrieved': (all, { item }) => {
    const row = all.byId.get(item.id)
    return row && Object.assign(row, { remembered: item.content.map((part) => part.transcript ?? part.text ?? '').join(' ') })
  },
  'response.done': (all, event, at) => responseDone(all, event.response, at),
  heard: (all, event) => {
    const row = all.byId.get(event.item_id)
    return row && row.kind === 'agent' && !row.cut ? ledger(row, event) : []
  },
  'reply.resumed': (all, event) => agents(all, event.response_id).map((row) => Object.assign(row, { paused: false, continued: true })),
  'reply.paused': (all, event) => agents(all, event.response_id).map((row) => Object.assign(row, { paused: true })),
  interrupted,
  turn: measured,
}

function partial(all, id, text, at) {
  const row = all.row(id, 'user', at, {})
  if (row.final) return []
  return Object.assign(row, { text, partial: true })
}

function final(all, id, text, at) {
  const row = all.row(id, 'user', at, {})
  Object.assign(row, { text: text.trim(), partial: false, final: true })
  return row
}

function written(all, event, at) {
  const row = all.agentRow(event, at)
  row.written += event.delta
  return row
}

function ledger(row, event) {
  return Object.assign(row, { heard: event.text, unheard: event.unheard, played: event.played_ms, estimated: event.estimated, ledger: true })
}

function agents(all, response) {
  return all.rows.filter((row) => row.kind === 'agent' && row.response === response).slice(-1)
}

function toolCalled(all, event, at) {
  const { name, call_id, arguments: args } = event.item
  const tool = { name, call_id, arguments: args, output: null, status: 'running', ms: null }
  return all.row(event.item.id, 'tool', at, { tool, response: event.response_id })
}

function responseDone(all, response, at) {
  if (response.status === 'failed') {
    const text = response.status_details?.error?.message ?? ''
    return all.row(`${response.id}.failed`, 'note', at, { text, kindOf: 'failed' })
  }
  if (response.status !== 'cancelled') return []
  const running = all.rows.filter((row) => row.tool?.status === 'running' && row.response === response.id)
  for (const row of running) row.tool.status = 'cancelled'
  return running
}

function interrupted(all, event, at, toCall) {
  const row = all.row(event.item_id, 'agent', at, { response: event.response_id })
  const cutAt = toCall(event.silent_ms) ?? at
  ledger(row, event)
  row.cut = { at: cutAt, words: words(event.unheard), estimated: event.estimated, played: event.played_ms }
  const turn = all.turnOf(event.response_id)
  if (turn) turn.interruption = { onset: event.onset_ms, silent: event.silent_ms, ms: event.silent_ms - event.onset_ms }
  return row
}

function measured(all, event) {
  const turn = all.turn(event.response_id, event.item_id)
  turn.stages = event.stages.map(({ name, start_ms, end_ms }) => ({ name, start: start_ms, end: end_ms, ms: end_ms - start_ms }))
  turn.total = turn.stages.reduce((sum, stage) => sum + stage.ms, 0)
  compare(turn)
  const rows = agents(all, event.response_id)
  for (const row of rows) row.turn = turn.n
  const user = all.byId.get(event.item_id)
  if (user) user.turn = turn.n
  return [...rows, user]
}
