// SPDX-License-Identifier: GPL-2.0-or-later
// Tests valid URLs of images, and the messages about invalid ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "launcher/definition/url.h"
#include "netsetup/base/cleanup.h"

static void test_good(void **state)
{
	static const char *const good[] = {
		"https://example.org/a",
		"http://example.org:8080/a/b%20c.img",
		"https://a-b.example.org./x?y=1&z=%2f",
		"http://192.0.2.1/x",
		"https://[2001:db8::1]:1/x",
		"http://host/~me/x,y;z=1@2:3",
		"http://3com.example/x",
		"file:///x",
		"file:///with%20space",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(url_meant(good[i]));
		if (url_wrong(good[i]))
			fail_msg("%s: %s", good[i], url_wrong(good[i]));
	}
	assert_false(url_meant("images/debian.qcow2"));
	assert_false(url_meant("C:/x"));
}

static void test_bad(void **state)
{
	static const struct {
		const char *url, *message;
	} bad[] = {
		{ "ftp://example.org/a", "begins with https://" },
		{ "HTTPS://example.org/a", "begins with https://" },
		{ "https:///a", "valid host" },
		{ "https://-a/b", "valid host" },
		{ "https://a-/b", "valid host" },
		{ "https://a..b/c", "valid host" },
		{ "https://.a/c", "valid host" },
		{ "https://a_b/c", "valid host" },
		{ "https://a%41/c", "valid host" },
		{ "https://2130706433/c", "valid host" },
		{ "https://127.1/c", "valid host" },
		{ "https://256.0.0.1/c", "valid host" },
		{ "https://me:secret@example.org/a", "user name or password" },
		{ "https://me@example.org/a", "user name or password" },
		{ "https://a:0/b", "port" },
		{ "https://a:/b", "port" },
		{ "https://a:65536/b", "port" },
		{ "https://a:080/b", "port" },
		{ "https://a:1x/b", "port" },
		{ "https://[::1/b", "brackets" },
		{ "https://[g::1]/b", "brackets" },
		{ "https://[127.0.0.1]/b", "brackets" },
		{ "https://[::1]x/b", "valid host" },
		{ "https://example.org", "name a file" },
		{ "https://example.org/", "name a file" },
		{ "https://example.org?x", "name a file" },
		{ "https://example.org/a#b", "fragment" },
		{ "https://example.org/a b", "letters, digits" },
		{ "https://example.org/a\tb", "letters, digits" },
		{ "https://example.org/a\\b", "letters, digits" },
		{ "https://example.org/\xc3\xa4", "letters, digits" },
		{ "https://example.org/%", "after '%'" },
		{ "https://example.org/%4", "after '%'" },
		{ "https://example.org/%4g", "after '%'" },
		{ "https://example.org/%00", "%00" },
		{ "file://host/x", "absolute path" },
		{ "file://", "absolute path" },
		{ "file:///a?b", "absolute path" },
		{ "://x", "begins with" },
		{ "javascript://%0aalert", "begins with" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *wrong = url_wrong(bad[i].url);

		assert_true(url_meant(bad[i].url));
		if (!wrong || !strstr(wrong, bad[i].message))
			fail_msg("%s: %s", bad[i].url, wrong ? wrong : "good");
	}
}

static void test_long(void **state)
{
	char url[URL_MAX + 2] = "https://example.org/";

	memset(url + strlen(url), 'a', sizeof(url) - strlen(url) - 1);
	assert_non_null(strstr(url_wrong(url), "2000 bytes"));
	url[URL_MAX] = '\0';
	assert_null(url_wrong(url));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
