// SPDX-License-Identifier: GPL-3.0-or-later
// A JACK server without hardware and a client that records what it gets.
#pragma once

#include <jack/jack.h>

#include <QCoreApplication>
#include <QProcess>
#include <atomic>
#include <cstring>
#include <vector>

/// jackd with the dummy driver, under a name of its own; ends with this object. Synchronous (-S): on a
/// busy machine the server waits for its clients rather than leaving a buffer out.
class JackServer {
 public:
  JackServer() : name_("tonewright_" + QByteArray::number(QCoreApplication::applicationPid())) {
    qputenv("JACK_DEFAULT_SERVER", name_);
    qputenv("JACK_NO_START_SERVER", "1");
    qputenv("JACK_NO_AUDIO_RESERVATION", "1");
    process_.setProcessChannelMode(QProcess::MergedChannels);
  }
  ~JackServer() { stop(); }
  bool start(int rate = 48000, int buffer = 256) {
    process_.start("jackd", {"-n", name_, "-S", "-t", "5000", "-R", "-P", "60", "-d", "dummy", "-r",
                             QString::number(rate), "-p", QString::number(buffer)});
    if (!process_.waitForStarted(5000)) return false;
    return QProcess::execute("jack_wait", {"-s", name_, "-w", "-t", "10"}) == 0;
  }
  void kill() {
    process_.kill();
    process_.waitForFinished(5000);
  }
  void stop() {
    process_.terminate();
    process_.waitForFinished(5000);
  }
  const char* name() const { return name_.constData(); }

 private:
  QByteArray name_;
  QProcess process_;
};

/// Records two ports of another client.
class Capture {
 public:
  bool open(const char* server) {
    client_ =
        jack_client_open("capture", static_cast<jack_options_t>(JackNoStartServer | JackServerName), nullptr, server);
    if (!client_) return false;
    for (int c = 0; c < 2; ++c) {
      ports_[c] = jack_port_register(client_, c ? "right" : "left", JACK_DEFAULT_AUDIO_TYPE, JackPortIsInput, 0);
      samples_[c].resize(48000 * 30);
    }
    jack_set_process_callback(client_, &Capture::process, this);
    return jack_activate(client_) == 0;
  }
  bool connect() {
    const char** found = jack_get_ports(client_, "Tonewright:outport", JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput);
    bool ok = found && found[0] && found[1];
    for (int c = 0; ok && c < 2; ++c) ok = jack_connect(client_, found[c], jack_port_name(ports_[c])) == 0;
    jack_free(found);
    return ok;
  }
  void close() {
    if (client_) jack_client_close(client_);
    client_ = nullptr;
  }
  ~Capture() { close(); }
  std::vector<float> taken(int c) const { return {samples_[c].begin(), samples_[c].begin() + filled_.load()}; }

 private:
  static int process(jack_nframes_t frames, void* self) {
    auto& me = *static_cast<Capture*>(self);
    const int at = me.filled_.load();
    if (at + static_cast<int>(frames) > static_cast<int>(me.samples_[0].size())) return 0;
    for (int c = 0; c < 2; ++c)
      std::memcpy(me.samples_[c].data() + at, jack_port_get_buffer(me.ports_[c], frames), frames * sizeof(float));
    me.filled_.store(at + static_cast<int>(frames));
    return 0;
  }
  jack_client_t* client_ = nullptr;
  jack_port_t* ports_[2] = {};
  std::vector<float> samples_[2];
  std::atomic<int> filled_{0};
};
