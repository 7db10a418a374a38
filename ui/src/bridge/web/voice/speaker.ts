/** Where the meeting is heard. */

/** An element that plays the one track of the server. */
export class Speaker {
  private readonly element = new Audio();
  private isBlocked = false;

  /** `blocked` is told when the browser wants a touch before it plays, and when it plays after all. */
  constructor(private readonly blocked: (isBlocked: boolean) => void) {
    this.element.autoplay = true;
    this.element.addEventListener('playing', () => this.tell(false));
  }

  play(stream: MediaStream): void {
    this.element.srcObject = stream;
    this.resume();
  }

  /** Whether anything is heard. Call it from a click to lift a block. */
  sound(on: boolean): void {
    this.element.muted = !on;
    this.resume();
  }

  /** Null is the system's choice. Ignored where a page may not choose. */
  async choose(device: string | null): Promise<void> {
    if (!('setSinkId' in this.element)) return;
    await this.element.setSinkId(device ?? '');
  }

  close(): void {
    this.element.pause();
    this.element.srcObject = null;
  }

  private resume(): void {
    if (this.element.srcObject === null) return;
    this.element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.tell(true);
    });
  }

  private tell(isBlocked: boolean): void {
    if (isBlocked === this.isBlocked) return;
    this.isBlocked = isBlocked;
    this.blocked(isBlocked);
  }
}
