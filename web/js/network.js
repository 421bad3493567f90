/** Line quality for people: three bars and a word, a table in both directions, a small history. */
import { h, fill } from './h.js'
import { t, number } from './i18n.js'
import { mos } from './quality.js'

const BARS = { good: 3, fair: 2, poor: 1, lost: 0 }

/** The small sign in the rail, and warnings that have held for a while. */
export function sign({ bars, word, warnings, carrier }, line, onSocket) {
  carrier.textContent = onSocket ? t('carrier.socket') : ''
  bars.className = line.grade ?? ''
  fill(bars, [1, 2, 3].map((n) => h('span', { cls: n <= (BARS[line.grade] ?? 0) ? 'on' : '' })))
  word.textContent = t(`line.${line.grade ?? 'none'}`)
  fill(warnings, line.warnings().map((name) => h('li', {}, t(`warning.${name}`))))
}

/** The Network tab. */
export function panel(root, line, onSocket) {
  const last = line.last
  if (last === null) return fill(root, h('p', { cls: 'empty' }, t(onSocket ? 'network.socket' : 'network.empty')))
  fill(root, h('p', {}, h('strong', {}, t(`line.${line.grade ?? 'none'}`)), last.kinds ? ` · ${t('network.path')}: ${last.kinds.local} → ${last.kinds.remote}, ${last.kinds.protocol}` : ''),
    h('table', {}, h('caption', {}, t('network.caption')), h('thead', {}, h('tr', {}, ['what', 'down', 'up'].map((name) => h('th', { scope: 'col' }, t(`network.${name}`))))),
      h('tbody', {}, rows(last).map(([name, down, up]) => h('tr', {}, h('th', { scope: 'row' }, t(`network.${name}`)), h('td', {}, down), h('td', {}, up))))),
    h('h3', {}, t('network.history')), h('canvas', { id: 'spark', aria: { hidden: true } }))
  spark(root.querySelector('#spark'), line.samples.map((one) => one.rtt ?? 0))
}

function rows({ down, up, rtt }) {
  const part = (value) => `${number(value * 100, 1)} %`
  const ms = (value) => (value === null || value === undefined ? '–' : t('row.ms', { ms: number(value) }))
  return [['loss', part(down.loss), part(up.loss)], ['jitter', ms(down.jitter), ms(up.jitter)],
    ['kbps', `${number(down.kbps)} kbit/s`, `${number(up.kbps)} kbit/s`], ['concealed', part(down.concealed), '–'],
    ['buffer', ms(down.buffer), '–'], ['rtt', ms(rtt), ms(rtt)],
    ['mos', number(mos(down.loss, rtt ?? 0, down.buffer), 1), number(mos(up.loss, rtt ?? 0, null), 1)]]
}

function spark(canvas, values) {
  const width = (canvas.width = canvas.clientWidth * devicePixelRatio)
  const height = (canvas.height = canvas.clientHeight * devicePixelRatio)
  const top = Math.max(50, ...values)
  const draw = canvas.getContext('2d')
  draw.strokeStyle = getComputedStyle(canvas).getPropertyValue('--accent')
  draw.lineWidth = 1.5 * devicePixelRatio
  draw.beginPath()
  values.forEach((value, i) => draw.lineTo((i / 300) * width, height - 2 - (value / top) * (height - 4)))
  draw.stroke()
}
