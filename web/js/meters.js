/** Two horizontal bars on canvas, RMS -60…0 dBFS; one loop at 30 frames a second (10 with reduced motion). */
import { decibels } from './levels.js'
import { t, number } from './i18n.js'

const RELEASE_DB_PER_MS = 60 / 300
const PEAK_HOLD_MS = 1200
const CLIP = 0.98
const TEXT_EVERY_MS = 1000

export class Meters {
  /** `read()` gives { mic, remote }; `voiced()` says whether the server hears speech. */
  constructor(canvases, texts, read, voiced) {
    Object.assign(this, { canvases, texts, read, voiced, shown: [-60, -60], peaks: [hold(), hold()], last: 0, said: 0, timer: null })
    this.calm = matchMedia('(prefers-reduced-motion: reduce)')
  }

  start() {
    this.timer ??= setInterval(() => document.hidden || this.draw(performance.now()), this.calm.matches ? 100 : 33)
  }

  stop() {
    clearInterval(this.timer)
    this.timer = null
    this.shown = [-60, -60]
    this.peaks = [hold(), hold()]
    for (const text of this.texts) text.textContent = ''
    this.canvases.forEach((canvas, side) => this.bar(canvas, side, { rms: 0, peak: 0 }, performance.now()))
  }

  draw(now) {
    const { mic, remote } = this.read()
    const gone = Math.min(200, now - this.last)
    this.last = now
    const sides = [mic, remote]
    sides.forEach((level, side) => {
      this.shown[side] = Math.max(decibels(level.rms), this.shown[side] - gone * RELEASE_DB_PER_MS, -60)
      this.bar(this.canvases[side], side, level, now)
    })
    if (now - this.said > TEXT_EVERY_MS) this.say(sides, now)
  }

  say(sides, now) {
    this.said = now
    sides.forEach((level, side) => { this.texts[side].textContent = t('meter.level', { db: number(decibels(level.rms)) }) })
  }

  bar(canvas, side, level, now) {
    const width = (canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio)))
    const height = (canvas.height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio)))
    const style = getComputedStyle(canvas)
    const draw = canvas.getContext('2d')
    const x = (db) => ((db + 60) / 60) * width
    draw.fillStyle = style.getPropertyValue('--ok')
    if (side === 0 && level.peak >= CLIP) draw.fillStyle = style.getPropertyValue('--danger')
    draw.fillRect(0, 0, x(this.shown[side]), height)
    this.tick(draw, side, level, now, x, height, style.getPropertyValue('--text'))
    if (side === 0 && this.voiced()) {
      draw.fillStyle = style.getPropertyValue('--accent')
      draw.fillRect(0, height - 3 * devicePixelRatio, width, 3 * devicePixelRatio)
    }
  }

  tick(draw, side, level, now, x, height, colour) {
    const held = this.peaks[side]
    const peak = decibels(level.peak)
    if (peak >= held.db || now - held.at > PEAK_HOLD_MS) this.peaks[side] = { db: peak, at: now }
    if (this.peaks[side].db <= -60) return
    draw.fillStyle = colour
    draw.fillRect(x(this.peaks[side].db) - 2 * devicePixelRatio, 0, 2 * devicePixelRatio, height)
  }
}

function hold() {
  return { db: -60, at: 0 }
}
