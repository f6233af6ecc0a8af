// The camera dialog: a picture taken, or null.

import { byId } from "./elements.js";

export function takePicture() {
  const dialog = byId("camera-dialog");
  const video = byId("viewfinder");
  const shoot = byId("shoot");
  const problem = byId("camera-problem");
  let stream = null;
  let closed = false; // this call's: the dialog may be open again when the browser answers
  problem.hidden = true;
  shoot.disabled = true;
  dialog.showModal();

  return new Promise((resolve) => {
    let taken = null;
    const onShoot = async () => {
      shoot.disabled = true;
      taken = await still(video);
      dialog.close();
    };
    const onCancel = () => dialog.close();
    shoot.addEventListener("click", onShoot);
    byId("close-camera").addEventListener("click", onCancel);
    dialog.addEventListener("close", () => {
      closed = true;
      shoot.removeEventListener("click", onShoot);
      byId("close-camera").removeEventListener("click", onCancel);
      stream?.getTracks().forEach((track) => track.stop());
      video.srcObject = null;
      resolve(taken);
    }, { once: true });
    start().catch((error) => {
      if (closed) return;
      problem.textContent = whatFailed(error);
      problem.hidden = false;
    });
  });

  async function start() {
    if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
    const wanted = { video: { facingMode: "environment", width: { ideal: 1920 } } };
    stream = await navigator.mediaDevices.getUserMedia(wanted);
    if (closed) return stream.getTracks().forEach((track) => track.stop());
    video.srcObject = stream;
    await video.play();
    if (closed) return;
    shoot.disabled = false;
  }
}

function still(video) {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => {
    canvas.toBlob((blob) => resolve(new File([blob], "camera.png", { type: "image/png" })), "image/png");
  });
}

function whatFailed(error) {
  if (error.name === "SecurityError") return "A browser lets only pages under https or on localhost use the camera.";
  if (error.name === "NotAllowedError") return "The browser was not allowed to use the camera.";
  if (error.name === "NotFoundError") return "This device has no camera.";
  return `The camera cannot be used: ${error.message || error.name}.`;
}
