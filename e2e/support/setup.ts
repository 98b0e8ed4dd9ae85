/** Runs once before all tests. */
import { mkdirSync, rmSync } from 'node:fs';
import { SCREENSHOTS, demandThem } from './places.ts';

/** Looks whether there is something to test, and clears away the pictures of the last run. */
export default function setup(): void {
  demandThem();
  rmSync(SCREENSHOTS, { recursive: true, force: true });
  mkdirSync(SCREENSHOTS, { recursive: true });
}
