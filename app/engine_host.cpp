// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/engine_host.h"

#include <algorithm>
#include <cmath>

#include "core/file/audio_file.h"
#include "core/neural/transfer.h"
#include "ui/patch_diff.h"

namespace app {
namespace {
constexpr float kClipFade = 1.0F / 256;  ///< a frame's part of the cross-fade between patch and clip
using Type = core::PlayerEvent::Type;
}  // namespace

EngineHost::EngineHost(const core::Registry& registry, QObject* parent)
    : ui::EngineControl(parent),
      registry_(registry),
      engine_(registry),
      rates_(registry),
      adapter_([](void* engine, const float* const in[2], float* const out[2],
                  int frames) { static_cast<core::LiveEngine*>(engine)->process(in, out, frames); },
               &engine_),
      device_(&EngineHost::onAudio, this) {
  const auto play = [this](const core::PlayerEvent& e) {
    engine_.playFromMidi(e);
    if (e.type == Type::noteOn || e.type == Type::noteOff)
      QMetaObject::invokeMethod(
          this, [this, e] { Q_EMIT keyPlayed(static_cast<int>(e.key), e.type == Type::noteOn ? e.value : 0.0F); },
          Qt::QueuedConnection);
  };
  const auto move = [this](const ControllerMove& m) {
    QMetaObject::invokeMethod(
        this, [this, m] { Q_EMIT controllerMoved(m.channel, m.controller, m.value); }, Qt::QueuedConnection);
  };
  midi_ = std::make_unique<MidiInput>(play, move);
  connect(&timer_, &QTimer::timeout, this, &EngineHost::look);
  timer_.start(30);
  connect(&midiTimer_, &QTimer::timeout, this, [this] { midi_->poll(); });
}

EngineHost::~EngineHost() {
  midi_.reset();
  device_.close();
}

void EngineHost::start(const AudioWish& wish, const std::string& midiPort) {
  if (const auto opened = device_.open(wish); !opened) notice_ = QString::fromStdString(opened.error().message);
  if (!midiPort.empty())
    if (const auto opened = midi_->open(midiPort); !opened) notice_ = QString::fromStdString(opened.error().message);
  midiTimer_.start(2000);
}

void EngineHost::look() {
  engine_.collect();
  meter_.measure();
  // another device, another rate
  if (playedRate_ > 0 && playedRate_ != playingRate(patch_, device_.rate())) playPatch();
  if (++turn_ % 3 != 0 || !device_.poll()) return;
  notice_ = device_.running()
                ? QString()
                : QStringLiteral("The audio device is gone; the patch keeps running and the device is tried again.");
}

// ---- patch and notes ---------------------------------------------------------------------------

void EngineHost::setPatch(const core::Patch& patch) {
  patch_ = patch;
  playPatch();
}
void EngineHost::playPatch() {
  playedRate_ = playingRate(patch_, device_.rate());
  if (const auto done = engine_.setPatch(rates_.at(patch_, playedRate_)); !done)
    Q_EMIT patchRefused(QString::fromStdString(done.error().message));
}
void EngineHost::setKnob(const std::string& node, const std::string& input, double value) {
  engine_.setKnob(node, input, value);
  if (core::PatchNode* n = patch_.find(node)) n->values[input] = value;
}
void EngineHost::setDepth(const core::Cable& cable, double depth) {
  engine_.setDepth(cable, depth);
  for (core::Cable& c : patch_.cables)
    if (ui::sameEnds(c, cable)) c.depth = depth;
}
void EngineHost::noteOn(int key, float velocity) { engine_.play({0, Type::noteOn, static_cast<float>(key), velocity}); }
void EngineHost::noteOff(int key) { engine_.play({0, Type::noteOff, static_cast<float>(key), 0}); }
void EngineHost::sustain(bool down) { engine_.play({0, Type::sustain, 0, down ? 1.0F : 0.0F}); }
void EngineHost::bend(double octaves) { engine_.play({0, Type::bend, 0, static_cast<float>(octaves)}); }
void EngineHost::panic() { engine_.play({0, Type::panic, 0, 0}); }
void EngineHost::playPhrase() { engine_.playPhrase(engine_.playing().phrase); }
void EngineHost::stopPhrase() { engine_.stopPhrase(); }

// ---- clips ---------------------------------------------------------------------------------------

void EngineHost::playClip(std::vector<float> left, std::vector<float> right, double rate, double fromSeconds) {
  if (left.empty()) return stopClip();
  const double to = device_.rate();
  const auto sound = core::resample({rate, {std::move(left), std::move(right)}}, to);
  auto clip = std::make_unique<Clip>();
  for (std::size_t c = 0; c < 2; ++c) clip->channels[c] = sound.channels[c];
  clip->at = static_cast<std::size_t>(std::max(0.0, fromSeconds) * to) % clip->channels[0].size();
  clip->serial = ++clipSerial_;
  clip_.store(clip.get());
  clips_.push_back(std::move(clip));
  clipWanted_ = true;
  const int oldest = oldestInUse_.load();
  std::erase_if(clips_, [oldest](const auto& c) { return c->serial < oldest; });
}

void EngineHost::stopClip() { clipWanted_ = false; }

/// Patch and clip cross-fade, and so do a clip and the one that takes its place. [audio-thread]
void EngineHost::mixClip(float* const output[2], int frames) {
  const bool wanted = clipWanted_.load();
  if (!wanted && clipGain_ == 0) return;
  if (Clip* newest = clip_.load(); newest != playing_ && swapGain_ >= 1) {
    fading_ = clipGain_ > 0 ? playing_ : nullptr;
    swapGain_ = fading_ ? 0.0F : 1.0F;
    playing_ = newest;
  }
  if (!playing_) return;
  oldestInUse_.store(fading_ ? fading_->serial : playing_->serial);
  for (int i = 0; i < frames; ++i) {
    clipGain_ = std::clamp(clipGain_ + (wanted ? kClipFade : -kClipFade), 0.0F, 1.0F);
    swapGain_ = std::min(1.0F, swapGain_ + kClipFade);
    for (int c = 0; c < 2; ++c) {
      float x = playing_->next(c);
      if (fading_) x = swapGain_ * x + (1 - swapGain_) * fading_->next(c);
      output[c][i] += clipGain_ * (x - output[c][i]);
    }
    playing_->step();
    if (fading_) fading_->step();
  }
  if (swapGain_ >= 1) fading_ = nullptr;
}

void EngineHost::onAudio(void* self, double rate, const float* const input[2], float* const output[2], int frames) {
  auto& host = *static_cast<EngineHost*>(self);
  host.adapter_.process(host.engine_.rate(), rate, input, output, frames);
  host.mixClip(output, frames);
  host.meter_.take(rate, output, frames);
}

// ---- looking -------------------------------------------------------------------------------------

ui::EngineStatus EngineHost::status() {
  const core::EngineMeters m = engine_.meters();
  ui::EngineStatus s;
  s.running = device_.running();
  s.device = QString::fromStdString(device_.device());
  s.rate = device_.rate();
  s.buffer = device_.buffer();
  s.latencyMs = 1e3 * (device_.latencySeconds() + engine_.inputLatency() / device_.rate() +
                       std::max(adapter_.outputLatency(), adapter_.inputLatency()));
  if (const double answer = answer_.load(); answer > 0) s.answerMs = s.latencyMs + 1e3 * answer;
  s.load = m.load;
  s.worst = m.worst;
  for (int c = 0; c < 2; ++c) s.peak[c] = meter_.takePeak(c);
  s.loudness = meter_.loudness();
  s.voicesHeld = m.voicesHeld;
  s.voices = engine_.playing().voices;
  s.dropouts = device_.dropouts();
  s.notice = notice_;
  return s;
}

void EngineHost::measureAnswer() {
  answer_ = 0;
  // at the rate that it is played at, where the frames of its networks lie otherwise
  measuring_ = std::jthread([this, patch = rates_.at(patch_, playedRate_ > 0 ? playedRate_ : patch_.rate)] {
    const auto late = core::measureLatency(patch, registry_);
    if (late && *late) answer_ = **late;
  });
}

std::vector<ui::NodeStatus> EngineHost::nodeStatus() {
  std::vector<ui::NodeStatus> out;
  const double tickNanoseconds = core::kTick / engine_.playing().rate * 1e9;
  for (const auto& m : engine_.nodeMeters())
    out.push_back({QString::fromStdString(m.node), static_cast<float>(m.nanoseconds / tickNanoseconds), m.faults});
  return out;
}

void EngineHost::probe(const std::string& node, const std::string& output) { engine_.probe(node, output); }
std::vector<float> EngineHost::probeSamples() { return engine_.probeSamples(); }
void EngineHost::watch(const std::string& node, const std::vector<std::string>& inputs) { engine_.watch(node, inputs); }
std::vector<float> EngineHost::watched() { return engine_.watched(); }

// ---- devices -------------------------------------------------------------------------------------

QStringList EngineHost::audioDevices() {
  QStringList out;
  for (const auto& d : AudioDevice::list()) out << QString::fromStdString(d.name);
  return out;
}
QStringList EngineHost::midiInputs() {
  QStringList out;
  for (const auto& p : MidiInput::ports()) out << QString::fromStdString(p);
  return out;
}
std::vector<double> EngineHost::rates(const QString& device) {
  for (const auto& d : AudioDevice::list())
    if (QString::fromStdString(d.name) == device) return d.rates;
  return {};
}
void EngineHost::openDevice(const QString& device, double rate, int buffer) {
  const auto opened = device_.open({device.toStdString(), rate, buffer});
  notice_ = opened ? QString() : QString::fromStdString(opened.error().message);
}
void EngineHost::openMidi(const QString& port) {
  const auto opened = midi_->open(port.toStdString());
  notice_ = opened ? QString() : QString::fromStdString(opened.error().message);
}

}  // namespace app
