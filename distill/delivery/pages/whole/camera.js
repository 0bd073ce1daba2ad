// The camera: that of a phone by its own app, since its pictures are sharper; elsewhere a live picture on the page.

const REASONS = {
  NotFoundError: "no camera was found on this device",
  NotAllowedError: "this page is not allowed to use the camera; allow it in the browser's settings",
  NotReadableError: "the camera is in use by another program",
};
const WANTED = { video: { facingMode: "environment", width: { ideal: 3840 }, height: { ideal: 2160 } } };

// `at` finds elements of the page by their names; `take` is handed a picture, `say` what is wrong.
export class Camera {
  constructor(at, take, say) {
    Object.assign(this, { at, take, say });
    at("shoot").addEventListener("click", () => this.shoot());
    at("leave").addEventListener("click", () => this.close());
  }

  async open() {
    if (matchMedia("(pointer: coarse)").matches) return this.at("camera").click();
    if (!navigator.mediaDevices?.getUserMedia) {
      return this.say("The camera works only on pages from this machine or over https. Choose a picture instead.");
    }
    try {
      this.at("video").srcObject = await navigator.mediaDevices.getUserMedia(WANTED);
      this.at("live").hidden = false;
      await this.at("video").play();
    } catch (error) {
      this.close();
      this.say(`The camera cannot be used: ${REASONS[error.name] ?? error.message}. Choose a picture instead.`);
    }
  }

  async shoot() {
    const video = this.at("video");
    if (!video.videoWidth) return;
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    canvas.getContext("2d").drawImage(video, 0, 0);
    this.close();
    this.take(await canvas.convertToBlob({ type: "image/png" }));
  }

  close() {
    for (const track of this.at("video").srcObject?.getTracks() ?? []) track.stop();
    this.at("video").srcObject = null;
    this.at("live").hidden = true;
  }
}
