// SPDX-License-Identifier: GPL-2.0-or-later
// Downloads a URL in one attempt.
#include "launcher/image/download.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "launcher/image/progress.h"
#include "netsetup/base/cleanup.h"
#include "netsetup/base/printable.h"

#define REDIRECTS_MAX    10L
#define CONNECT_SECONDS  20L
#define STALLED_SECONDS  30L
#define HTTPS_PORT       443u
#define PROXY_PORT       1080 /* libcurl's default */
#define HTTP_OK          200L
#define HTTP_PARTIAL     206L
#define HTTP_TIMEOUT     408L
#define HTTP_RANGE       416L
#define HTTP_TOO_MANY    429L
#define HTTP_SERVER_FAIL 500L

/**
 * struct attempt - an attempt to download.
 * @ports: those that it may connect to.
 * @elsewhere: true if it was to connect to another port.
 * @store: gets the bytes.
 * @err: the error of the callbacks.
 * @failed: 0 or the negative errno of the callback that refused the bytes.
 * @checked: true once check_answer() has run.
 * @offset: size of the store when the attempt began, and the first byte requested.
 * @range: offset of the server's first byte by its Content-Range header, or -1.
 */
struct attempt {
	CURL *curl;
	const char *url;
	const struct download_ports *ports;
	bool elsewhere;
	struct store *store;
	struct error *err;
	int failed;
	bool checked;
	uint64_t offset;
	curl_off_t range;
};

static bool is_file(const char *url)
{
	return !strncmp(url, "file:", strlen("file:"));
}

static long http_status(CURL *curl)
{
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static int refuse_page(const char *url, struct error *err)
{
	error_setf(err, STATUS_FAILURE, EPROTO, "cannot fetch '%s': it is a web page, not an image",
		   url);
	error_remedy(err,
		     "log in to this network in a browser if it needs that, or correct the URL");
	return -EPROTO;
}

static bool is_page_type(CURL *curl)
{
	const char *type = NULL;

	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	return type &&
	       (!strncasecmp(type, "text/html", 9) || !strncasecmp(type, "application/xhtml", 17));
}

/* Checks the answer's headers before storing its first bytes. */
static int check_answer(struct attempt *attempt)
{
	const long status = http_status(attempt->curl);

	if (is_file(attempt->url))
		return 0;
	if (is_page_type(attempt->curl))
		return refuse_page(attempt->url, attempt->err);
	if (status == HTTP_OK)
		return attempt->offset ? store_restart(attempt->store, attempt->err) : 0;
	if (status == HTTP_PARTIAL && attempt->offset &&
	    attempt->range == (curl_off_t)attempt->offset)
		return 0;
	return error_setf(attempt->err, STATUS_FAILURE, EPROTO,
			  "cannot fetch '%s': the server sent another part of it (status "
			  "%ld)",
			  attempt->url, status);
}

static size_t take_bytes(char *bytes, size_t one, size_t size, void *context)
{
	struct attempt *attempt = context;

	if (!attempt->checked)
		attempt->failed = check_answer(attempt);
	attempt->checked = true;
	if (!attempt->failed)
		attempt->failed = store_add(attempt->store, bytes, size, attempt->err);
	return attempt->failed ? 0 : size;
}

/* libcurl also passes the headers of redirects and interim answers: the last answer counts. */
static size_t take_header(char *line, size_t one, size_t size, void *context)
{
	static const char name[] = "content-range: bytes ";
	struct attempt *attempt = context;
	char text[64];

	if (size >= 5 && !strncasecmp(line, "http/", 5))
		attempt->range = -1;
	if (size > strlen(name) && !strncasecmp(line, name, strlen(name))) {
		snprintf(text, sizeof(text), "%.*s", (int)(size - strlen(name)),
			 line + strlen(name));
		attempt->range = strtoll(text, NULL, 10);
	}
	return size;
}

static int on_progress(void *context, curl_off_t total, curl_off_t done, curl_off_t up_total,
		       curl_off_t up_done)
{
	const struct attempt *attempt = context;
	const struct store *store = attempt->store;

	/* Before its first byte is stored, the total may be that of a redirect. */
	progress_show(store->size, attempt->checked && total > done
					   ? store->size + (uint64_t)(total - done)
					   : 0);
	return 0;
}

/* Refuses other ports with a message before Landlock does, or where the kernel cannot. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct attempt *attempt = context;
	struct sockaddr_in to;

	/* The port is at the same place for IPv6. */
	memcpy(&to, &address->addr, sizeof(to));
	for (size_t i = 0; i < attempt->ports->count; i++)
		if (attempt->ports->numbers[i] == ntohs(to.sin_port))
			return socket(address->family, address->socktype | SOCK_CLOEXEC,
				      address->protocol);
	attempt->elsewhere = true;
	return CURL_SOCKET_BAD;
}

static CURLcode set_policy(CURL *curl, const char *url)
{
	const bool secure = !strncmp(url, "https:", strlen("https:"));
	CURLcode code;

	code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, is_file(url) ? "file" : "http,https");
	/* The digest protects plain http. A download that began encrypted must stay encrypted. */
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR,
					secure ? "https" : "http,https");
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, is_file(url) ? 0L : 1L);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALLED_SECONDS);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_USERAGENT, "vmrun/" VMRUN_VERSION);
	return code;
}

static CURLcode set_callbacks(CURL *curl, struct attempt *attempt, char text[CURL_ERROR_SIZE])
{
	CURLcode code;

	code = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, attempt);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, attempt);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_HEADERDATA, attempt);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_XFERINFODATA, attempt);
	if (!code)
		code = curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	return code;
}

static CURLcode set_range(CURL *curl, const struct attempt *attempt)
{
	char range[32];
	CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, attempt->url);

	if (code || !attempt->offset)
		return code;
	snprintf(range, sizeof(range), "%" PRIu64 "-", attempt->offset);
	return curl_easy_setopt(curl, CURLOPT_RANGE, range);
}

static int refused_status(const struct attempt *attempt)
{
	const long status = http_status(attempt->curl);

	if (status == HTTP_RANGE)
		return -ESTALE;
	error_setf(attempt->err, STATUS_FAILURE, EREMOTEIO,
		   "cannot fetch '%s': the server answers with status %ld%s", attempt->url, status,
		   status == 404   ? " (not found)"
		   : status == 403 ? " (forbidden)"
				   : "");
	if (status >= HTTP_SERVER_FAIL || status == HTTP_TIMEOUT || status == HTTP_TOO_MANY)
		return -EAGAIN;
	return -EREMOTEIO;
}

static int refused_redirect(const struct attempt *attempt)
{
	char shown[PRINTABLE_SIZE(100)];
	const char *where = NULL;

	curl_easy_getinfo(attempt->curl, CURLINFO_EFFECTIVE_URL, &where);
	if (!where || !strcmp(where, attempt->url))
		curl_easy_getinfo(attempt->curl, CURLINFO_REDIRECT_URL, &where);
	if (!where)
		where = "?";
	printable(where, strnlen(where, 100), shown);
	error_setf(attempt->err, STATUS_FAILURE, EPROTO,
		   "cannot fetch '%s': it redirects to '%s', which is not followed", attempt->url,
		   shown);
	if (attempt->elsewhere)
		error_remedy(attempt->err,
			     "redirects may lead to port %u and to the ports of the "
			     "definition's URLs; use the URL above, if it is right",
			     HTTPS_PORT);
	return -EPROTO;
}

static int set_error(const struct attempt *attempt, CURLcode code, const char *text)
{
	char shown[PRINTABLE_SIZE(200)];
	const char *why = text[0] ? text : curl_easy_strerror(code);

	/* The server chose some of the text: it must not act on a terminal. */
	printable(why, strnlen(why, 200), shown);
	error_setf(attempt->err, STATUS_FAILURE, code == CURLE_COULDNT_CONNECT ? ECONNREFUSED : EIO,
		   "cannot fetch '%s': %s", attempt->url, shown);
	if (attempt->elsewhere)
		return refused_redirect(attempt);
	switch (code) {
	case CURLE_HTTP_RETURNED_ERROR:
		return refused_status(attempt);
	case CURLE_UNSUPPORTED_PROTOCOL:
		return refused_redirect(attempt);
	case CURLE_RANGE_ERROR:
	case CURLE_BAD_DOWNLOAD_RESUME:
		return -ESTALE;
	case CURLE_PARTIAL_FILE:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_COULDNT_CONNECT:
		return -EAGAIN;
	default:
		return -EIO;
	}
}

int download_init(struct error *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return error_setf(err, STATUS_FAILURE, ENOMEM, "cannot use libcurl");
	return 0;
}

/* Returns 0 if @url has no port, and its scheme no default one. */
static uint16_t find_port(const char *url, unsigned int flags)
{
	CURLU *parsed = curl_url();
	char *text = NULL;
	uint16_t port = 0;

	if (parsed && !curl_url_set(parsed, CURLUPART_URL, url, flags) &&
	    !curl_url_get(parsed, CURLUPART_PORT, &text, flags & CURLU_DEFAULT_PORT))
		port = (uint16_t)strtoul(text, NULL, 10);
	curl_free(text);
	curl_url_cleanup(parsed);
	return port;
}

void download_find_ports(const char *const *urls, size_t url_count, struct download_ports *ports)
{
	static const char *const proxies[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
					       "all_proxy", "ALL_PROXY" };

	*ports = (struct download_ports){ .numbers = { HTTPS_PORT }, .count = 1 };
	for (size_t i = 0; i < url_count; i++)
		ports->numbers[ports->count++] = find_port(urls[i], CURLU_DEFAULT_PORT);
	for (size_t i = 0; i < ARRAY_SIZE(proxies); i++) {
		const char *proxy = getenv(proxies[i]);
		uint16_t port;

		if (!proxy || !proxy[0])
			continue;
		port = find_port(proxy, CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME);
		ports->numbers[ports->count++] = port ? port : PROXY_PORT;
	}
}

char *download_path(const char *url)
{
	char *decoded, *path;

	if (!is_file(url))
		return NULL;
	decoded = curl_easy_unescape(NULL, url + strlen("file://"), 0, NULL);
	path = decoded ? strdup(decoded) : NULL;
	curl_free(decoded);
	return path;
}

int download(const char *url, const struct download_ports *ports, struct store *store,
	     struct error *err)
{
	struct attempt attempt = {
		.curl = curl_easy_init(),
		.url = url,
		.ports = ports,
		.store = store,
		.err = err,
		.offset = store->size,
		.range = -1,
	};
	char text[CURL_ERROR_SIZE] = "";
	CURLcode code;
	int ret;

	if (!attempt.curl)
		return error_setf(err, STATUS_FAILURE, ENOMEM, "cannot use libcurl");
	code = set_policy(attempt.curl, url);
	if (!code)
		code = set_callbacks(attempt.curl, &attempt, text);
	if (!code)
		code = set_range(attempt.curl, &attempt);
	if (!code)
		code = curl_easy_perform(attempt.curl);
	/* An empty image has called no callback yet; the store decides whether it is right. */
	if (attempt.failed)
		ret = attempt.failed;
	else if (code)
		ret = set_error(&attempt, code, text);
	else
		ret = attempt.checked || is_file(url) ? 0 : check_answer(&attempt);
	curl_easy_cleanup(attempt.curl);
	return ret;
}
