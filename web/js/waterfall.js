/** The latency of each turn as stacked bars in SVG, with the same numbers as a table. Stages add up on the critical path. */
import { h, fill } from './h.js'
import { t, number } from './i18n.js'

export const STAGES = ['end_of_turn', 'transcript', 'model', 'tool', 'speech', 'deliver']
const AXIS_MS = 2000
const WIDTH = 340
const LEFT = 22
const BAR = 16
const ROW = 24
const TOP = 22
const LINES = [[200, 'human'], [500, 'target'], [800, 'slow']]
const BUDGETS = { short: { end_of_turn: 250, model: 300, tool: 300, deliver: 40 },
  chain: { end_of_turn: 250, transcript: 60, model: 250, tool: 300, speech: 170, deliver: 40 } }
const SLOW = 1.5
const ENOUGH = 5

/** The first stage over one and a half times its budget, or null; `silence` is what was asked for at the end of a turn. */
export function slowest(turn, silence = 0) {
  const budget = turn.stages.some(({ name }) => name === 'speech' || name === 'transcript') ? BUDGETS.chain : BUDGETS.short
  const over = turn.stages.map(({ name, ms }) =>
    ({ name, by: ms / (name === 'end_of_turn' ? Math.max(silence, budget[name]) : budget[name] ?? Infinity) })).filter(({ by }) => by > SLOW)
  return over.sort((a, b) => b.by - a.by)[0]?.name ?? null
}

/** p50 and p95 of the totals, null while there are too few. */
export function percentiles(turns) {
  const totals = turns.filter((turn) => turn.total !== null).map((turn) => turn.total).sort((a, b) => a - b)
  const at = (part) => totals[Math.min(totals.length - 1, Math.ceil(part * totals.length) - 1)]
  return { n: totals.length, p50: totals.length < ENOUGH ? null : at(0.5), p95: totals.length < ENOUGH ? null : at(0.95) }
}

export class Waterfall {
  constructor(root, select) {
    Object.assign(this, { root, select, selected: null, asTable: false })
    this.down = 0
    this.up = 0
    this.plusMinus = null
  }

  /** Draw all measured turns; `up` and `down` are estimates of the way there and back in ms. */
  draw(turns) {
    const measured = turns.filter((turn) => turn.total !== null)
    if (measured.length === 0) return fill(this.root, h('p', { cls: 'empty' }, t('latency.empty')))
    return fill(this.root, this.summary(turns), this.asTable ? this.table(measured) : [this.chart(measured), this.legend()],
      this.lanes(measured), this.toggle(turns))
  }

  summary(turns) {
    const { n, p50, p95 } = percentiles(turns)
    return h('p', { cls: 'numbers' }, p50 === null ? t('latency.few', { n }) : t('latency.summary', { p50: number(p50), p95: number(p95), n }))
  }

  chart(turns) {
    const height = TOP + turns.length * ROW + 4
    return h('div', { cls: 'chart', dir: 'ltr', tabindex: 0, role: 'group', aria: { label: t('latency.chart') } },
      h('svg', { viewBox: `0 0 ${WIDTH + LEFT + 60} ${height}`, role: 'img', aria: { label: t('latency.chart_as_table') } },
        patterns(), axis(height), turns.map((turn, index) => this.bar(turn, TOP + index * ROW))))
  }

  bar(turn, y) {
    let at = 0
    const blocks = turn.stages.map((stage) => {
      const from = at
      at += stage.ms
      return block(stage, from, at, y)
    })
    const slow = slowest(turn, this.silence)
    return h('g', { cls: `bar${this.selected === turn.n ? ' selected' : ''}`, data: { turn: turn.n }, onclick: () => this.select(turn.n) },
      h('rect', { cls: 'hit', x: 0, y: y - 3, width: WIDTH + LEFT + 60, height: ROW - 2 }),
      h('text', { x: 2, y: y + 12 }, String(turn.n)), blocks, this.cap(turn.total, y),
      h('text', { x: x(Math.min(turn.total + this.down, AXIS_MS)) + 4, y: y + 12, cls: 'total' },
        `${turn.total > AXIS_MS ? '≫ ' : ''}${number(turn.total)}${slow ? ` ⚠` : ''}`))
  }

  cap(total, y) {
    const from = Math.min(total, AXIS_MS)
    const width = x(Math.min(total + this.down, AXIS_MS)) - x(from)
    return width > 1 && h('rect', { cls: 'cap', x: x(from), y: y + 0.5, width, height: BAR - 1 })
  }

  legend() {
    return h('ul', { cls: 'legend' }, STAGES.map((name) => h('li', {}, swatch(name), t(`stage.${name}`))),
      LINES.map(([ms, name]) => h('li', {}, h('span', { cls: `swatch line ${name}` }), t(`line.${name}`, { ms }))))
  }

  /** The stages of the selected turn one below the other, and both opinions. */
  lanes(turns) {
    const turn = turns.find((one) => one.n === this.selected) ?? turns.at(-1)
    const slow = slowest(turn, this.silence)
    return h('section', { cls: 'lanes' }, h('h3', {}, t('latency.turn', { n: turn.n })),
      h('ul', {}, turn.stages.map((stage) => h('li', {}, swatch(stage.name), h('span', { cls: 'name' }, t(`stage.${stage.name}`)),
        h('span', { cls: 'value' }, t('row.ms', { ms: number(stage.ms) }))))),
      slow && h('p', { cls: 'warn' }, `⚠ ${t('latency.slow', { stage: t(`stage.${slow}`) })}`),
      h('p', { cls: 'small' }, this.opinions(turn)),
      turn.interruption && h('p', { cls: 'small' }, t('latency.interruption', { ms: number(turn.interruption.ms) })))
  }

  opinions(turn) {
    const server = t('latency.server', { ms: number(turn.total) })
    if (turn.ear === null) return server
    const here = t('latency.ear', { ms: number(turn.ear), way: number(turn.estimate) })
    const clock = this.plusMinus === null ? '' : ` ${t('latency.clock', { ms: number(this.plusMinus, 1) })}`
    return [server, ' ', here, clock, turn.differs && ` ${t('latency.differs')}`]
  }

  table(turns) {
    const used = STAGES.filter((name) => turns.some((turn) => turn.stages.some((stage) => stage.name === name)))
    const heads = [t('latency.column_turn'), ...used.map((name) => t(`stage.${name}`)), t('latency.column_total'), t('latency.column_ear')]
    const cell = (turn, name) => turn.stages.filter((stage) => stage.name === name).reduce((sum, stage) => sum + stage.ms, 0)
    return h('div', { cls: 'scroll', tabindex: 0, role: 'group', aria: { label: t('latency.chart') } }, h('table', {},
      h('caption', {}, t('latency.caption')), h('thead', {}, h('tr', {}, heads.map((head) => h('th', { scope: 'col' }, head)))),
      h('tbody', {}, turns.map((turn) => h('tr', {}, h('th', { scope: 'row' }, String(turn.n)),
        used.map((name) => h('td', {}, number(cell(turn, name)))), h('td', {}, number(turn.total)),
        h('td', {}, turn.ear === null ? '–' : number(turn.ear)))))))
  }

  toggle(turns) {
    return h('button', { type: 'button', id: 'as-table', aria: { pressed: this.asTable }, onclick: () => {
      this.asTable = !this.asTable
      this.draw(turns)
      document.getElementById('as-table').focus()
    } }, t('latency.as_table'))
  }
}

function x(ms) {
  return LEFT + (ms / AXIS_MS) * WIDTH
}

function block(stage, from, to, y) {
  const left = x(Math.min(from, AXIS_MS))
  if (from >= AXIS_MS) return null
  const width = Math.max(0.5, x(Math.min(to, AXIS_MS)) - left - 1)
  return h('g', {}, h('title', {}, `${t(`stage.${stage.name}`)} ${number(stage.ms)} ms`),
    h('rect', { cls: `stage ${stage.name}`, x: left, y, width, height: BAR }),
    h('rect', { cls: `grain ${stage.name}`, x: left, y, width, height: BAR }))
}

function axis(height) {
  const marks = [0, 500, 1000, 1500, 2000].map((ms) => h('text', { x: x(ms), y: 10, cls: 'axis' }, ms ? String(ms) : '0 ms'))
  const lines = LINES.map(([ms, name]) => h('line', { cls: `reference ${name}`, x1: x(ms), x2: x(ms), y1: 14, y2: height }))
  return [...marks, ...lines]
}

function patterns() {
  return h('defs', {},
    h('pattern', { id: 'dots', width: 4, height: 4, patternUnits: 'userSpaceOnUse' }, h('circle', { cx: 1.5, cy: 1.5, r: 0.9, cls: 'ink' })),
    h('pattern', { id: 'hatch', width: 5, height: 5, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
      h('rect', { width: 1.6, height: 5, cls: 'ink' })))
}

function swatch(name) {
  return h('span', { cls: `swatch ${name}`, aria: { hidden: true } })
}
