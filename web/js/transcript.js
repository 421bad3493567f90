/** Draws the rows of a conversation, each in its place; heard and unheard by the server's playout ledger. */
import { h, fill } from './h.js'
import { t, callTime, number } from './i18n.js'

export class Transcript {
  constructor(list, more, { select, inspect, remember }) {
    Object.assign(this, { list, more, select, inspect, remember, drawn: new Map(), unseen: 0 })
    this.scroller = list.closest('.scroll-area')
    this.scroller.addEventListener('scroll', () => this.atEnd() && this.seen())
    more.addEventListener('click', () => this.toEnd())
  }

  clear() {
    this.drawn.clear()
    fill(this.list)
    this.seen()
  }

  /** Draw rows that changed; scroll along only for somebody who is at the end. */
  draw(rows, turns) {
    const end = this.atEnd()
    for (const row of rows) row.removed ? this.drop(row) : this.put(row, turns)
    if (end) this.toEnd()
    else this.showMore()
  }

  put(row, turns) {
    const old = this.drawn.get(row.id)
    const open = old?.querySelector('details')?.open
    const made = h('li', { cls: `row ${row.kind}`, data: { id: row.id }, dir: 'auto' }, this.parts(row, turns, open))
    if (old) old.replaceWith(made)
    else {
      this.list.append(made)
      this.unseen += this.atEnd() ? 0 : 1
    }
    this.drawn.set(row.id, made)
  }

  drop(row) {
    this.drawn.get(row.id)?.remove()
    this.drawn.delete(row.id)
  }

  parts(row, turns, open) {
    const turn = turns.find((one) => one.n === row.turn)
    return [
      h('span', { cls: 'time', dir: 'ltr' }, callTime(row.at)),
      h('span', { cls: 'who' }, t(`who.${row.kindOf ?? row.kind}`)),
      h('div', { cls: 'said' }, this[row.kind](row, open)),
      row.kind === 'agent' && turn?.total != null && this.chip(turn),
    ]
  }

  user(row) {
    if (row.partial) return [h('span', { cls: 'partial' }, row.text || '…'), h('span', { cls: 'small' }, ` ${t('row.partial')}`)]
    if (row.failed) return h('span', { cls: 'partial' }, t('row.failed'))
    return row.text || h('span', { cls: 'partial' }, t(row.final ? 'row.no_words' : 'row.writing'))
  }

  agent(row, open) {
    const rest = unspoken(row)
    const spoken = h('span', { cls: 'heard' }, row.heard)
    if (row.cut) return [spoken, this.cut(row, rest, open)]
    return [spoken, rest && h('span', { cls: 'unheard' }, `${row.heard && !/^\s/.test(rest) ? ' ' : ''}${rest}`),
      row.paused && h('span', { cls: 'small' }, ` ${t('row.paused')}`),
      row.continued && h('span', { cls: 'small mark' }, ` ↪ ${t('row.continued')}`)]
  }

  cut(row, rest, open) {
    const sentence = t(row.cut.estimated ? 'row.cut_estimated' : 'row.cut', { at: callTime(row.cut.at, true), n: row.cut.words })
    const mark = [h('span', { cls: 'sign', aria: { hidden: true } }, '┊ '), sentence]
    if (!rest) return h('p', { cls: 'cut' }, mark)
    return h('details', { cls: 'cut', open: open ?? this.inspect() }, h('summary', {}, mark),
      h('p', { cls: 'unheard' }, h('span', { cls: 'hidden' }, `${t('row.not_heard')} `), rest),
      row.remembered === undefined ? h('button', { type: 'button', cls: 'chip', onclick: () => this.remember(row.id) }, t('row.remember'))
        : h('p', { cls: 'small remembered' }, `${t('row.remembers')} “${row.remembered.trim()}”`))
  }

  tool(row, open) {
    const { name, arguments: args, output, status, ms } = row.tool
    const head = h('summary', {}, h('bdi', {}, h('code', {}, name)), ` ${ms === null ? '' : t('row.ms', { ms: number(ms) })} `,
      h('span', { cls: `status ${status}` }, t(`tool.${status}`)))
    return h('details', { open }, head, h('pre', { dir: 'ltr', tabindex: 0, aria: { label: t('tool.arguments') } }, pretty(args)),
      output !== null && h('pre', { dir: 'ltr', tabindex: 0, aria: { label: t('tool.result') } }, pretty(output)))
  }

  note(row) {
    return row.text
  }

  chip(turn) {
    return h('button', { type: 'button', cls: 'chip', onclick: () => this.select(turn.n),
      aria: { label: t('row.latency', { ms: number(turn.total), turn: turn.n }) } }, t('row.ms', { ms: number(turn.total) }))
  }

  atEnd() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < 48
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight
    this.seen()
  }

  seen() {
    this.unseen = 0
    this.more.hidden = true
  }

  showMore() {
    this.more.hidden = this.unseen === 0
    this.more.textContent = `↓ ${t('row.new', { n: this.unseen })}`
  }
}

/** What is written but has not left the server: the rest of the transcript after what the ledger says was heard. */
export function unspoken(row) {
  if (row.cut) return row.unheard.trim()
  if (!row.ledger) return row.heard ? '' : row.written
  return row.written.startsWith(row.heard) ? row.written.slice(row.heard.length) : row.unheard
}

/** One row as text; what was not heard stays marked. */
export function asText(row) {
  if (row.kind === 'tool') return `${row.tool.name}(${row.tool.arguments}) → ${row.tool.output ?? row.tool.status}`
  if (row.kind !== 'agent') return row.text
  const rest = unspoken(row).trim()
  return rest ? `${row.heard} [not heard: ${rest}]`.trim() : row.heard
}

/** All rows, a line each, with when and who. */
export function asLines(rows) {
  return rows.map((row) => `${callTime(row.at)} ${t(`who.${row.kindOf ?? row.kind}`)}: ${asText(row)}`).join('\n')
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
