package com.google.appengine.api.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.downlink.testing.Page;
import dev.downlink.testing.Server;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The jar: what it holds, and that it asks for nothing but what an application has anyway. */
class PackagingTest {
    private static final int JAVA_11 = 55;
    private static final String OLD_APPLICATION = String.join(
            "\n",
            "import com.google.appengine.api.channel.*;",
            "import java.io.IOException;",
            "import SERVLET.servlet.http.*;",
            "public class PresenceServlet extends HttpServlet {",
            "  private static final long serialVersionUID = 1L;",
            "  protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {",
            "    ChannelService channelService = ChannelServiceFactory.getChannelService();",
            "    ChannelPresence presence = channelService.parsePresence(request);",
            "    String token = channelService.createChannel(presence.clientId());",
            "    channelService.sendMessage(new ChannelMessage(presence.clientId(), token));",
            "    ChannelMessage message = channelService.parseMessage(request);",
            "    System.out.println(message.getClientId() + message.getMessage() + presence.isConnected());",
            "  }",
            "}");
    private static final String PLAIN_APPLICATION = String.join(
            "\n",
            "import com.google.appengine.api.channel.*;",
            "public class Plain {",
            "  public static void main(String[] arguments) {",
            "    ChannelService service = ChannelServiceFactory.getChannelService();",
            "    String token = service.createChannel(\"plain\", 60);",
            "    service.sendMessage(new ChannelMessage(\"plain\", \"from a program of its own\"));",
            "    System.out.println(token);",
            "  }",
            "}");

    private static Path jar;

    @TempDir
    private Path folder;

    @BeforeAll
    static void findJar() throws IOException {
        try (DirectoryStream<Path> jars = Files.newDirectoryStream(Path.of("target"), "downlink-sdk-*.jar")) {
            for (Path found : jars) {
                jar = found.toAbsolutePath();
            }
        }
        assertTrue(jar != null, "no jar in target: run mvn verify");
    }

    @Test
    void itHoldsTheTwoPackagesForJava11() throws IOException {
        try (JarFile archive = new JarFile(jar.toFile())) {
            assertEquals(
                    "dev.downlink", archive.getManifest().getMainAttributes().getValue("Automatic-Module-Name"));
            for (JarEntry entry : Collections.list(archive.entries())) {
                String name = entry.getName();
                if (name.endsWith(".class")) {
                    assertTrue(
                            name.startsWith("dev/downlink/") || name.startsWith("com/google/appengine/api/channel/"),
                            name);
                    assertEquals(JAVA_11, majorVersion(archive, entry), name);
                }
            }
        }
    }

    @Test
    void itPassesNoDependencyOn() throws IOException {
        try (JarFile archive = new JarFile(jar.toFile())) {
            String pom = new String(
                    archive.getInputStream(archive.getJarEntry("META-INF/maven/dev.downlink/downlink-sdk/pom.xml"))
                            .readAllBytes(),
                    StandardCharsets.UTF_8);
            Matcher dependency = Pattern.compile("(?s)<dependency>(.*?)</dependency>").matcher(pom);
            int count = 0;
            while (dependency.find()) {
                count++;
                assertTrue(dependency.group(1).matches("(?s).*<scope>(provided|test)</scope>.*"), dependency.group(1));
            }
            assertTrue(count > 0);
        }
    }

    @Test
    void anOldApplicationIsCompiledWithNothingButItsOwnServlets() throws Exception {
        String old = OLD_APPLICATION.replace("SERVLET", "javax");
        assertEquals("", compile("PresenceServlet", old, jarOf(javax.servlet.http.HttpServlet.class)));
    }

    @Test
    void anApplicationThatMovedToJakartaIsCompiledWithNothingButItsOwnServlets() throws Exception {
        String moved = OLD_APPLICATION
                .replace("SERVLET", "jakarta")
                .replace(
                        "import java.io",
                        "import com.google.appengine.api.channel.jakarta.ChannelService;\n"
                                + "import com.google.appengine.api.channel.jakarta.ChannelServiceFactory;\n"
                                + "import java.io");
        assertEquals("", compile("PresenceServlet", moved, jarOf(jakarta.servlet.http.HttpServlet.class)));
    }

    @Test
    void withoutServletsAProgramIsCompiledAndRuns() throws Exception {
        assertEquals("", compile("Plain", PLAIN_APPLICATION));
        Server server = Server.shared();
        ProcessBuilder java = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                jar + ":" + folder,
                "Plain");
        java.environment().put("DOWNLINK_URL", server.url());
        java.environment().put("DOWNLINK_API_KEY", Server.API_KEY);
        Process process = java.redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertEquals(0, process.waitFor(), said);
        try (Page page = new Page(server.url(), said)) {
            assertEquals("from a program of its own", page.message());
        }
    }

    /** What the compiler has to say; nothing if it is content. */
    private String compile(String name, String source, Path... more) throws IOException {
        Path file = folder.resolve(name + ".java");
        Files.writeString(file, source);
        List<String> classPath = new ArrayList<>(List.of(jar.toString()));
        for (Path one : more) {
            classPath.add(one.toString());
        }
        assertFalse(classPath.contains(Path.of("target", "classes").toString()));
        StringWriter said = new StringWriter();
        List<String> options = List.of("-cp", String.join(":", classPath), "-d", folder.toString(), "-proc:none");
        ToolProvider.getSystemJavaCompiler()
                .getTask(
                        said,
                        null,
                        null,
                        options,
                        null,
                        ToolProvider.getSystemJavaCompiler()
                                .getStandardFileManager(null, null, null)
                                .getJavaFileObjects(file.toFile()))
                .call();
        return said.toString();
    }

    private static Path jarOf(Class<?> type) throws URISyntaxException {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    }

    private static int majorVersion(JarFile archive, JarEntry entry) throws IOException {
        try (DataInputStream in = new DataInputStream(archive.getInputStream(entry))) {
            in.readInt();
            in.readUnsignedShort();
            return in.readUnsignedShort();
        }
    }
}
