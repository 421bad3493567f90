/** Everything that happened, newest last: a ring of 5 000, folded deltas, filters, and only the rows in sight are drawn. */
import { h, fill } from './h.js'
import { t } from './i18n.js'
import { redact } from './redact.js'

const RING = 5000
const HEIGHT = 26
const SPARE = 8
const NEAR = 4
const FOLDED = /\.delta$|^transcript\.partial$|^heard$|^ping$|^pong$|^page\.stats$/
const ARROWS = { in: '←', out: '→', page: '•' }
const GROUPS = [['audio', /^(input|output)_audio_buffer|^heard|^reply|^interrupted/], ['items', /^conversation|^transcript/],
  ['response', /^response/], ['page', /^page\.|^p[io]ng$|^hello$/], ['error', /error|failed|^ended/]]

/** Which group an event belongs to. */
export function group(type) {
  return GROUPS.findLast(([, is]) => is.test(type))?.[0] ?? 'session'
}

/** The events of a call. Pure: `add` returns the entry. */
export class Ring {
  constructor(limit = RING) {
    this.limit = limit
    this.entries = []
    this.dropped = 0
    this.number = 0
  }

  add(direction, message, at, turn = null) {
    const before = FOLDED.test(message.type) && this.entries.slice(-NEAR).findLast((entry) => same(entry, direction, message))
    if (before) return this.fold(before, message, at)
    const last = this.entries.at(-1)
    this.number += 1
    const entry = { n: this.number, at, since: last ? at - (last.until ?? last.at) : 0, direction, type: message.type, count: 1, turn,
      message: redact(message) }
    this.entries.push(entry)
    if (this.entries.length > this.limit) this.dropped += this.entries.splice(0, this.entries.length - this.limit).length
    return entry
  }

  fold(entry, message, at) {
    entry.count += 1
    entry.until = at
    const delta = typeof message.delta === 'string' && typeof entry.message.delta === 'string'
    entry.message = redact(delta ? { ...message, delta: (entry.message.delta + message.delta).slice(-4000) } : message)
    return entry
  }

  /** These events belong to a turn: those that name its response or its items. */
  mark(turn, ids) {
    for (const entry of this.entries.slice(-400)) {
      const { response_id: response, item_id: item, response: whole, item: made } = entry.message
      if ([response, item, whole?.id, made?.id].some((id) => id && ids.includes(id))) entry.turn = turn
    }
  }

  filtered({ text = '', direction = '', group: wanted = '', turn = null }) {
    const needle = text.toLowerCase()
    return this.entries.filter((entry) => (!direction || entry.direction === direction) && (!wanted || group(entry.type) === wanted)
      && (turn === null || entry.turn === turn) && (!needle || JSON.stringify(entry.message).toLowerCase().includes(needle)))
  }
}

function same(last, direction, message) {
  return last.type === message.type && last.direction === direction && (last.message.item_id ?? '') === (message.item_id ?? '')
}

/** Draws the ring. */
export class EventLog {
  constructor({ scroller, list, detail, filters }, ring, copy, turn) {
    Object.assign(this, { scroller, list, detail, filters, ring, copy, turn, shown: [], chosen: null, pending: false, end: true })
    scroller.addEventListener('scroll', () => {
      this.end = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < HEIGHT * 2
      this.window()
    })
    for (const control of Object.values(filters)) control.addEventListener('input', () => this.refresh())
  }

  /** Something was added; drawn once per frame, and not at all while nobody looks. */
  changed() {
    if (this.pending) return
    this.pending = true
    setTimeout(() => {
      this.pending = false
      if (this.scroller.clientHeight > 0 && !document.hidden) this.refresh()
    }, 100)
  }

  refresh() {
    const { text, direction, group: wanted, turn } = this.filters
    this.shown = this.ring.filtered({ text: text.value, direction: direction.value, group: wanted.value, turn: turn.checked ? this.turn() : null })
    this.list.style.blockSize = `${Math.max(1, this.shown.length) * HEIGHT}px`
    if (this.end) this.scroller.scrollTop = this.scroller.scrollHeight
    this.window()
  }

  window() {
    const from = Math.max(0, Math.floor(this.scroller.scrollTop / HEIGHT) - SPARE)
    const to = from + Math.ceil(this.scroller.clientHeight / HEIGHT) + 2 * SPARE
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.n : null
    fill(this.list, this.shown.slice(from, to).map((entry, index) => this.row(entry, from + index)))
    if (focused) this.list.querySelector(`[data-n="${focused}"]`)?.focus({ preventScroll: true })
  }

  row(entry, index) {
    const button = h('button', { type: 'button', data: { n: entry.n }, aria: { pressed: this.chosen === entry.n }, onclick: () => this.open(entry) },
      h('span', { cls: 'time', dir: 'ltr' }, (entry.at / 1000).toFixed(3)), h('span', { cls: 'delta', dir: 'ltr' }, `+${Math.round(entry.since)}`),
      h('span', { cls: 'way' }, ARROWS[entry.direction]), h('bdi', { cls: 'type' }, entry.type),
      h('span', { cls: 'summary' }, `${entry.count > 1 ? `×${entry.count} ` : ''}${summary(entry.message)}`),
      h('span', { cls: 'turn' }, entry.turn === null ? '' : `#${entry.turn}`))
    const item = h('li', { aria: { posinset: index + 1, setsize: this.shown.length } }, button)
    item.style.insetBlockStart = `${index * HEIGHT}px`
    return item
  }

  open(entry) {
    this.chosen = entry.n
    const text = JSON.stringify(entry.message, null, 2)
    fill(this.detail, h('p', { cls: 'actions' }, h('strong', {}, h('bdi', {}, entry.type)),
      h('button', { type: 'button', onclick: () => this.copy(text) }, t('events.copy'))),
    h('pre', { dir: 'ltr', tabindex: 0, aria: { label: t('events.json') } }, text))
    this.window()
  }
}

function summary(message) {
  const said = message.transcript ?? message.text ?? message.delta ?? message.error?.message ?? message.state ?? message.reason
    ?? message.item?.type ?? message.response?.status ?? ''
  return String(said).slice(0, 80)
}
