/** A plot that moves: the last minute of one or two values, drawn on a canvas whenever the screen is. No library. */

/** What the plot shows, from right to left. */
export const SHOWN_MS = 60_000;

/** Draws the samples of one card. */
export class Plot {
  #canvas;
  #series;
  #top;
  /** The top of the scale, which moves to where it has to be. */
  #scale = 0;

  /**
   * `series` are `{ value: (sample) => number, colour }`, `top` is the top of the scale: a number, or a function of the
   * largest value that is shown.
   */
  constructor(canvas, series, top) {
    this.#canvas = canvas;
    this.#series = series;
    this.#top = top;
  }

  /** Draws what was seen until `now_ms`. `pointed` is how far from the left the pointer is, if it is there. */
  draw(samples, now_ms, pointed) {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const dots = devicePixelRatio;
    if (this.#canvas.width !== Math.round(width * dots) || this.#canvas.height !== Math.round(height * dots)) {
      this.#canvas.width = Math.round(width * dots);
      this.#canvas.height = Math.round(height * dots);
    }
    const pen = this.#canvas.getContext("2d");
    pen.setTransform(dots, 0, 0, dots, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(this.#canvas);
    this.#grid(pen, width, height, style.getPropertyValue("--rule"));
    if (samples.length === 0) return undefined;

    const largest = Math.max(...samples.flatMap((sample) => this.#series.map(({ value }) => value(sample))));
    const top = typeof this.#top === "function" ? this.#top(largest, samples) : this.#top;
    this.#scale = this.#scale === 0 ? top : this.#scale + (top - this.#scale) * 0.15;
    const x = ({ time }) => width - ((now_ms - time) / SHOWN_MS) * width;
    const y = (value) => height - 2 - (value / this.#scale) * (height - 8);
    for (const { value, colour } of this.#series) {
      this.#line(pen, samples.map((sample) => [x(sample), y(value(sample))]), style.getPropertyValue(colour).trim(), width, height);
    }
    return pointed === undefined ? undefined : this.#point(pen, samples, x, y, pointed, height, style);
  }

  #grid(pen, width, height, colour) {
    pen.strokeStyle = colour;
    pen.lineWidth = 1;
    pen.beginPath();
    for (let part = 1; part < 4; part += 1) {
      const y = Math.round((height * part) / 4) + 0.5;
      pen.moveTo(0, y);
      pen.lineTo(width, y);
    }
    pen.stroke();
  }

  #line(pen, points, colour, width, height) {
    const path = new Path2D();
    points.forEach(([x, y], at) => {
      const [before] = points[at - 1] ?? [];
      if (at === 0) path.moveTo(x, y);
      // Half way to both sides, level: smooth, and never above or below what was measured.
      else path.bezierCurveTo((before + x) / 2, points[at - 1][1], (before + x) / 2, y, x, y);
    });
    const area = new Path2D(path);
    area.lineTo(points.at(-1)[0], height);
    area.lineTo(points[0][0], height);
    const fill = pen.createLinearGradient(0, 0, 0, height);
    fill.addColorStop(0, `${colour}55`);
    fill.addColorStop(1, `${colour}08`);
    pen.fillStyle = fill;
    pen.fill(area);
    pen.strokeStyle = colour;
    pen.lineWidth = 2;
    pen.lineJoin = "round";
    pen.stroke(path);
    const [x, y] = points.at(-1);
    pen.fillStyle = colour;
    pen.beginPath();
    pen.arc(Math.min(x, width - 4), y, 3.5, 0, 7);
    pen.fill();
  }

  /** Marks the sample nearest to the pointer, and returns it. */
  #point(pen, samples, x, y, pointed, height, style) {
    const near = samples.reduce((best, sample) => (Math.abs(x(sample) - pointed) < Math.abs(x(best) - pointed) ? sample : best));
    pen.strokeStyle = style.getPropertyValue("--muted");
    pen.setLineDash([3, 3]);
    pen.beginPath();
    pen.moveTo(x(near), 0);
    pen.lineTo(x(near), height);
    pen.stroke();
    pen.setLineDash([]);
    for (const { value, colour } of this.#series) {
      pen.fillStyle = style.getPropertyValue(colour);
      pen.beginPath();
      pen.arc(x(near), y(value(near)), 4.5, 0, 7);
      pen.fill();
    }
    return near;
  }
}
