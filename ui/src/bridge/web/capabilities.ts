/** What this browser can do, and why it cannot do the rest. */

import type { Ability, Capabilities } from '../types';
import { canConnect } from './media/path';

/** Voice and pictures of a person are given to pages over TLS only. */
function devicesAbility(has: boolean): Ability {
  if (has) return true;
  return window.isSecureContext ? 'browser_too_old' : 'insecure_page';
}

export function capabilities(): Capabilities {
  const media = navigator.mediaDevices as MediaDevices | undefined;
  const captures = media !== undefined && 'getUserMedia' in media;
  const encodes = typeof OffscreenCanvas !== 'undefined' && 'convertToBlob' in OffscreenCanvas.prototype;
  const isPhone = /Android|iPhone|iPad/.test(navigator.userAgent);
  const shares = media !== undefined && 'getDisplayMedia' in media && encodes;
  return {
    webrtc: canConnect() ? true : 'browser_too_old',
    webcodecs: typeof VideoDecoder === 'undefined' ? 'browser_too_old' : true,
    camera: devicesAbility(captures && encodes && canConnect()),
    microphone: devicesAbility(captures && canConnect()),
    screenShare: shares || !isPhone ? devicesAbility(shares) : 'not_on_this_device',
    chooseSpeaker: 'setSinkId' in HTMLMediaElement.prototype ? true : 'browser_too_old',
    notifications: typeof Notification === 'undefined' ? 'not_on_this_device' : true,
    globalPushToTalk: 'not_in_browsers',
    dragOut: 'not_in_browsers',
  };
}
